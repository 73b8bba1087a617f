/** The certificates of the cluster as etcd takes them: from files in the node's folder, which is its working folder. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../system/files.ts';
import type { TlsFiles } from '../http/tls.ts';

const files = { ca: 'tls/ca.pem', certificate: 'tls/node.pem', key: 'tls/node.key' } as const;

/** etcd's options for its peer port: both ends of each connection show a certificate of the cluster's authority. */
export const peerTlsOptions = {
  'peer-trusted-ca-file': files.ca,
  'peer-cert-file': files.certificate,
  'peer-key-file': files.key,
  'peer-client-cert-auth': 'true',
};

/** Writes the files that `peerTlsOptions` names, for their owner only. */
export const writePeerTls = (folder: string, tls: TlsFiles): void => {
  mkdirSync(join(folder, 'tls'), { mode: 0o700, recursive: true });
  replaceFile(join(folder, files.ca), tls.ca);
  replaceFile(join(folder, files.certificate), tls.certificate);
  replaceFile(join(folder, files.key), tls.key);
};
