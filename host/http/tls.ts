/**
 * TLS between nodes, in which both ends have a certificate of one authority, and TLS for clients,
 * which need no certificate.
 */
import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());

/** PEM texts. Whoever has them can connect to every node as a node of the cluster. */
export const tlsFiles = v.object({
  /** The authority: nodes trust every certificate that it has signed. */
  ca: text,
  /** The certificate that all nodes use for both ends of a connection, and its private key. */
  certificate: text,
  key: text,
});
export type TlsFiles = v.InferOutput<typeof tlsFiles>;

/**
 * Options of Node's TLS for either end of a connection between nodes: both must show a certificate
 * of the cluster's authority. All nodes share one certificate, so checking a node's own name would
 * add nothing, and `servername` is `localhost`, which every certificate names.
 */
export const mutualTls = ({ ca, certificate, key }: TlsFiles) => ({
  ca,
  cert: certificate,
  key,
  servername: 'localhost',
  requestCert: true,
  rejectUnauthorized: true,
});

/**
 * The certificate for clients, followed by the intermediate ones, and its private key, as PEM
 * texts.
 */
export type ServingPair = { readonly certificate: string; readonly key: string };

/**
 * Options of Node's TLS for a server that asks clients for no certificate. By default, Node refuses
 * TLS older than 1.2.
 */
export const serverTls = ({ certificate, key }: ServingPair) => ({ cert: certificate, key });

/**
 * Returns when nodes stop accepting each other, in ISO 8601: the end of the certificate or of its
 * authority, whichever comes first.
 */
export const endOf = ({ ca, certificate }: TlsFiles): string => {
  const ends = [ca, certificate].map((pem) => Date.parse(new X509Certificate(pem).validTo));
  return new Date(Math.min(...ends)).toISOString();
};
