/** `dsvault env` keeps the owner when it replaces a file. `scripts/env.txt` covers the rest. */
import { spawnSync } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { isRoot, itAsRoot } from '../../support/needs.ts';
import { freshName, useVault } from '../../support/running-vault.ts';

const vault = useVault();
let dsvault: Dsvault;
beforeAll(() => {
  dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: vault.token() });
});

const nobody = { uid: 65_534, gid: 65_534 };

/**
 * Makes a file with a value for the secret and its `enc()`. Another user owns the file if the test
 * runs as root.
 */
const fileFor = (name: string) => {
  const file = join(dsvault.folder, `${name}.env`);
  const content = `${name}=v\nA="enc(${name})"\n`;
  writeFileSync(file, content);
  const owner = isRoot ? nobody : statSync(file);
  chownSync(file, owner.uid, owner.gid);
  return { file, content, owner };
};

describe('dsvault env encrypt --in-place', () => {
  it('keeps the owner of the file', async () => {
    const { file, owner } = fileFor(freshName());
    expect(await dsvault.run(['env', 'encrypt', '--in-place', file])).toMatchObject({ code: 0 });
    const { uid, gid } = statSync(file);
    expect({ uid, gid }).toEqual({ uid: owner.uid, gid: owner.gid });
  });

  itAsRoot('replaces and stores nothing if the owner cannot be kept', async () => {
    const name = freshName();
    const { file, content } = fileFor(name);
    const env = { ...process.env, DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: vault.token() };
    const command = ['cli/dsvault.js', 'env', 'encrypt', '--in-place', file];
    // Root without the capability to change owners behaves like any other user.
    const ran = spawnSync('setpriv', ['--bounding-set=-chown', ...command], { env });
    expect([ran.status, String(ran.stderr)]).toEqual([1, expect.stringContaining('the owner of')]);
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(readdirSync(dsvault.folder).filter((entry) => entry.includes('dsvault-'))).toEqual([]);
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 3 });
  });
});
