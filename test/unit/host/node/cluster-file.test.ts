import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  findClusterFile,
  readClusterFile,
  writeClusterFile,
} from '../../../../host/node/cluster-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

const keyId = '6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11';
const whole = {
  token: 'canary',
  vaultId: 'vault-1',
  nodes: '1=10.0.0.1:2380:2390',
  key: { keyId, check: 'c' },
  jwks: '{"keys":[]}',
  tls: { ca: 'canary-ca', certificate: 'canary-certificate', key: 'canary-key' },
};
const freshFile = () => join(freshFolder(), 'cluster.json');

describe('cluster.json', () => {
  it('is read back as it was written, and only its owner can read it', () => {
    const file = freshFile();
    writeClusterFile(file, whole);
    expect(readClusterFile(file)).toEqual(whole);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('causes an error with the command that makes it if it is missing', () => {
    expect(() => readClusterFile(freshFile())).toThrow(/is missing: npm run cluster -- init/);
    expect(findClusterFile(freshFile())).toBeUndefined();
  });

  it.each([
    ['content that is not JSON', 'canary'],
    ['no certificates', JSON.stringify({ ...whole, tls: undefined })],
    ['no id of the vault', JSON.stringify({ ...whole, vaultId: undefined })],
    ['a malformed id of the vault', JSON.stringify({ ...whole, vaultId: 'a b' })],
    ['no token', JSON.stringify({ ...whole, token: undefined })],
  ])('is refused as damaged, in an error that does not quote it, if it has %s', (_, content) => {
    const file = freshFile();
    writeFileSync(file, content);
    expect(() => readClusterFile(file)).toThrow(/is damaged/);
    expect(() => readClusterFile(file)).not.toThrow(/canary/);
  });

  it.each([
    ['no nodes', { ...whole, nodes: undefined }],
    ['no check value of the master key', { ...whole, key: { keyId } }],
    ['the address of a program with the master key', { ...whole, key: undefined, kms: {} }],
  ])('is refused as a file from before 2.0.0 if it has %s', (_, content) => {
    const file = freshFile();
    writeFileSync(file, JSON.stringify(content));
    expect(() => readClusterFile(file)).toThrow(
      `${file} is from before 2.0.0, without the nodes or the check value of the master key: back up a node with 2.0.0, ` +
        'move the file away, and restore into a new cluster (docs/deploy/backup.md)',
    );
  });
});
