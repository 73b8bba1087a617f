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

  it('of 1.0.0, which has no nodes, is read with the id of the master key from its ARN', () => {
    const file = freshFile();
    const { key: _, nodes: __, ...kept } = whole;
    const keyArn = `arn:aws:kms:us-east-1:000000000000:key/${keyId}`;
    writeFileSync(file, JSON.stringify({ ...kept, kms: { endpoint: 'https://k:1', keyArn } }));
    expect(readClusterFile(file)).toEqual({ ...kept, key: { keyId } });
  });

  it('causes an error with the command that makes it if it is missing', () => {
    expect(() => readClusterFile(freshFile())).toThrow(/is missing: npm run cluster -- init/);
    expect(findClusterFile(freshFile())).toBeUndefined();
  });

  it.each([
    ['content that is not JSON', 'canary'],
    ['no master key', JSON.stringify({ ...whole, key: undefined })],
    ['a malformed id of the key', JSON.stringify({ ...whole, key: { keyId: 'x' } })],
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
});
