/** TLS between nodes, in which both ends show a certificate of one authority, and TLS for clients without one. */
import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());

/** PEM texts. Their holder can connect to every node as a node of the cluster. */
export const tlsFiles = v.object({
  /** The authority: a node trusts every certificate that this one has signed. */
  ca: text,
  /** The certificate of all nodes, for both ends of a connection, and its private key. */
  certificate: text,
  key: text,
});
export type TlsFiles = v.InferOutput<typeof tlsFiles>;

/**
 * Node's options for either end of a connection: both ends show a certificate of the cluster's authority. All nodes
 * share one certificate, so the host that it names would tell a client nothing more than this one name does.
 */
export const mutualTls = ({ ca, certificate, key }: TlsFiles) => ({
  ca,
  cert: certificate,
  key,
  servername: 'localhost',
  requestCert: true,
  rejectUnauthorized: true,
});

/** The certificate that a server shows its clients, the intermediate ones after it, and its private key: PEM texts. */
export type ServingPair = { readonly certificate: string; readonly key: string };

/** Node's options for a server of any client. Node itself speaks no TLS older than 1.2. */
export const serverTls = ({ certificate, key }: ServingPair) => ({ cert: certificate, key });

/** The instant from which no node accepts another one: the end of the certificate or of its authority, in ISO 8601. */
export const endOf = ({ ca, certificate }: TlsFiles): string => {
  const ends = [ca, certificate].map((pem) => Date.parse(new X509Certificate(pem).validTo));
  return new Date(Math.min(...ends)).toISOString();
};
