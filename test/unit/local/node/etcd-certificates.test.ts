import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { peerTlsOptions, writePeerTls } from '../../../../local/node/etcd-certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';

const tls = { ca: 'the authority', certificate: 'the certificate', key: 'the key' };

describe('writePeerTls', () => {
  it('writes the files that the options of etcd name', () => {
    const folder = freshFolder();
    writePeerTls(folder, tls);
    const contentOf = (name: keyof typeof peerTlsOptions) =>
      readFileSync(join(folder, peerTlsOptions[name]), 'utf8');
    expect(contentOf('peer-trusted-ca-file')).toBe(tls.ca);
    expect(contentOf('peer-cert-file')).toBe(tls.certificate);
    expect(contentOf('peer-key-file')).toBe(tls.key);
  });

  it('replaces the files of an earlier certificate', () => {
    const folder = freshFolder();
    writePeerTls(folder, tls);
    writePeerTls(folder, { ...tls, key: 'another key' });
    expect(readFileSync(join(folder, 'tls/node.key'), 'utf8')).toBe('another key');
  });

  it('leaves the folder and the files to their owner only', () => {
    const folder = freshFolder();
    writePeerTls(folder, tls);
    const modeOf = (path: string) => statSync(join(folder, path)).mode & 0o777;
    expect(modeOf('tls')).toBe(0o700);
    expect(['ca.pem', 'node.pem', 'node.key'].map((name) => modeOf(`tls/${name}`))).toEqual([
      0o600, 0o600, 0o600,
    ]);
  });
});
