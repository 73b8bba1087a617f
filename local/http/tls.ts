/** TLS in which both ends show a certificate of one authority. */
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
