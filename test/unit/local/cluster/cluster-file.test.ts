import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readClusterFile, writeClusterFile } from '../../../../local/cluster/cluster-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

const told = (port: number) => ({
  vaultId: 'vault-1',
  kms: { endpoint: `http://127.0.0.1:${port}`, keyArn: 'arn:aws:kms:us-east-1:000000000000:key/1' },
  jwks: '{"keys":[]}',
  tls: { ca: 'canary-ca', certificate: 'canary-certificate', key: 'canary-key' },
});
const whole = { token: 'canary', ...told(1) };
const freshFile = () => join(freshFolder(), 'cluster.json');

describe('the cluster file', () => {
  it('reads back as written, with access for its owner only', () => {
    const file = freshFile();
    writeClusterFile(file, told(1));
    expect(readClusterFile(file)).toMatchObject(told(1));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps its token when it is written again, and no two files have the same token', () => {
    const [file, other] = [freshFile(), freshFile()];
    writeClusterFile(file, told(1));
    const { token } = readClusterFile(file);
    writeClusterFile(file, told(2));
    writeClusterFile(other, told(2));
    expect(readClusterFile(file)).toEqual({ token, ...told(2) });
    expect(readClusterFile(other).token).not.toBe(token);
    expect(readClusterFile(other).token).not.toBe(token);
  });

  it('asks to start the master key first if it is missing', () => {
    expect(() => readClusterFile(freshFile())).toThrow(/is missing.*start that first$/);
  });

  it.each([
    ['no JSON', 'canary'],
    ['no master key', JSON.stringify({ ...whole, kms: undefined })],
    ['no certificates', JSON.stringify({ ...whole, tls: undefined })],
    ['no id of the vault', JSON.stringify({ ...whole, vaultId: undefined })],
    ['a malformed id of the vault', JSON.stringify({ ...whole, vaultId: 'a b' })],
    ['no token', JSON.stringify({ ...whole, token: undefined })],
    [
      'an endpoint that is no URL',
      JSON.stringify({ ...whole, kms: { ...told(1).kms, endpoint: 'key' } }),
    ],
  ])('counts as damaged with %s, and is neither overwritten nor quoted', (_, content) => {
    const file = freshFile();
    writeFileSync(file, content);
    for (const use of [() => readClusterFile(file), () => writeClusterFile(file, told(1))]) {
      expect(use).toThrow(/is damaged/);
      expect(use).not.toThrow(/canary/);
    }
  });
});
