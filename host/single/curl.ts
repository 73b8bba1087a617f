/**
 * Composes the beginning of a curl command with which a user sends requests to a vault on this
 * machine.
 */
import { X509Certificate } from 'node:crypto';
import type { ServingPair } from '../http/tls.ts';

/**
 * Returns the beginning of the command, and the address to which requests are then sent. curl
 * trusts the certificate in the file. If the certificate does not name the host of `url`, the
 * address has the first name of the certificate, and the command makes curl connect to the host of
 * `url` nevertheless.
 */
export const curlTo = (
  url: string,
  pair: ServingPair | undefined,
  file: string | undefined,
): { readonly curl: string; readonly address: string } => {
  if (pair === undefined) return { curl: 'curl -i', address: url };
  const curl = `curl -i --cacert ${file}`;
  const { hostname } = new URL(url);
  const leaf = new X509Certificate(pair.certificate);
  const [, name] = /DNS:([^,*]+)/.exec(leaf.subjectAltName ?? '') ?? [];
  const isNamed = (leaf.checkIP(hostname) ?? leaf.checkHost(hostname)) !== undefined;
  if (isNamed || name === undefined) return { curl, address: url };
  return { curl: `${curl} --connect-to ::${hostname}`, address: url.replace(hostname, name) };
};
