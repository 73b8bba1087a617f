/** The TLS options of connections between the programs of a cluster. */
import type { TlsFiles } from './cluster-file.ts';

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
