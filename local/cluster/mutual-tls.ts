/** How a connection between the programs of a cluster is secured. */
import type { TlsFiles } from './cluster-file.ts';

/** Node's options for either end of a connection: both ends show a certificate of the cluster's authority. */
export const mutualTls = ({ ca, certificate, key }: TlsFiles) => ({
  ca,
  cert: certificate,
  key,
  requestCert: true,
  rejectUnauthorized: true,
});
