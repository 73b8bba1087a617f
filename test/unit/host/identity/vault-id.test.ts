import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { givenVaultId, openVaultId } from '../../../../host/identity/vault-id.ts';
import { freshFolder } from '../../../support/local-process.ts';

describe('openVaultId', () => {
  it('makes a random id once, in a file that only its owner can read', () => {
    const folder = freshFolder();
    const id = openVaultId(folder, {});
    expect(id).toMatch(/^vault-[0-9a-f]{16}$/);
    expect(openVaultId(folder, {})).toBe(id);
    expect(openVaultId(folder, { VAULT_ID: id })).toBe(id);
    expect(openVaultId(freshFolder(), {})).not.toBe(id);
    const file = join(folder, 'vault.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ id });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('stores a given id for later starts', () => {
    const folder = freshFolder();
    expect(openVaultId(folder, { VAULT_ID: 'mine' })).toBe('mine');
    expect(openVaultId(folder, {})).toBe('mine');
  });

  it('refuses a malformed id, and an id other than the one in the folder', () => {
    const folder = freshFolder();
    const id = openVaultId(folder, {});
    expect(() => openVaultId(folder, { VAULT_ID: 'other' })).toThrow(
      `VAULT_ID is other, but the vault in ${folder} has the id ${id}`,
    );
    const empty = freshFolder();
    expect(() => openVaultId(empty, { VAULT_ID: 'a b' })).toThrow('VAULT_ID must be 1 to 64');
    expect(openVaultId(empty, {})).toMatch(/^vault-/);
  });

  it.each(['kms.json', 'localstack-key.json', 'vault.sqlite', 'store.sqlite'])(
    'makes no random id in a folder with %s, but uses VAULT_ID',
    (name) => {
      const folder = freshFolder();
      writeFileSync(join(folder, name), '');
      expect(() => openVaultId(folder, {})).toThrow(/vault\.json is missing.*set VAULT_ID/);
      expect(openVaultId(folder, { VAULT_ID: 'mine' })).toBe('mine');
    },
  );

  it.each(['', '{"id":1}', '{"id":"a b"}', '{"id":"a","more":1}'])(
    'refuses a damaged vault.json (%j) and does not change it',
    (text) => {
      const folder = freshFolder();
      const file = join(folder, 'vault.json');
      writeFileSync(file, text);
      expect(() => openVaultId(folder, {})).toThrow(/vault\.json is damaged: put back a copy/);
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );
});

describe('givenVaultId', () => {
  it('throws if VAULT_ID is missing', () => {
    expect(givenVaultId({ VAULT_ID: 'mine' })).toBe('mine');
    expect(() => givenVaultId({})).toThrow('missing environment variables: VAULT_ID');
  });
});
