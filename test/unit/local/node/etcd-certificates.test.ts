import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { peerTlsOptions, writePeerTls } from '../../../../local/node/member-files.ts';
import { freshFolder } from '../../../support/local-process.ts';

it('writePeerTls replaces the files that the options of etcd name, for their owner only', () => {
  const folder = freshFolder();
  const modeOf = (path: string) => statSync(join(folder, path)).mode & 0o777;
  for (const key of ['the key', 'another key']) {
    writePeerTls(folder, { ca: 'the authority', certificate: 'the certificate', key });
    for (const [option, content] of [
      ['peer-trusted-ca-file', 'the authority'],
      ['peer-cert-file', 'the certificate'],
      ['peer-key-file', key],
    ] as const) {
      expect(readFileSync(join(folder, peerTlsOptions[option]), 'utf8')).toBe(content);
      expect(modeOf(peerTlsOptions[option])).toBe(0o600);
    }
  }
  expect(modeOf('tls')).toBe(0o700);
});
