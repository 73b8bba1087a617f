/**
 * Which key `npm start` takes for the vault's key. That depends on what the folder remembers and on
 * what is stored.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import {
  followMasterKey,
  identityIn,
  makeMasterKey,
  setKeyState,
} from '../../../../host/kms/key-file.ts';
import type { StoredKeys } from '../../../../host/kms/key-proof.ts';
import { findKeyIdentity, openVaultKey, requireOwnKey } from '../../../../host/kms/vault-key.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
let own: string;
let stored: StoredKeys;
const none: StoredKeys = { own: [], otherKeyId: undefined };
beforeEach(() => {
  folder = freshFolder();
  own = join(folder, 'kms.json');
  stored = none;
});

const context = new Map([['name', 'A']]);
const valueUnder = (file: string): StoredKeys => {
  const key = followMasterKey(file, identityIn(file)).read();
  return {
    own: [{ wrapped: wrap(key, randomBytes(32), context), context }],
    otherKeyId: undefined,
  };
};
const open = (exist = true, environment: NodeJS.ProcessEnv = {}) =>
  openVaultKey(folder, environment, { exist, storedKeys: async () => stored });
const makeCopy = (change: object = {}): string => {
  const copy = join(freshFolder(), 'kms.json');
  writeFileSync(copy, JSON.stringify({ ...JSON.parse(readFileSync(own, 'utf8')), ...change }));
  return copy;
};
const otherMaterial = () => ({ keyMaterial: randomBytes(32).toString('base64') });

describe('the master key of npm start', () => {
  it('is made and remembered at once in a folder without data and without a key', () => {
    const key = open(false);
    expect(key.proof).toBeUndefined();
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
  });

  it('is not made in a folder that has data', () => {
    expect(() => open()).toThrow(`${own} is missing, the master key of the vault in ${folder}`);
    expect(existsSync(own)).toBe(false);
  });

  it('must be the one that the folder remembers', () => {
    open(false);
    const { keyId } = identityIn(own);
    const other = makeCopy(otherMaterial());
    expect(() => open(true, { VAULT_MASTER_KEY_FILE: other })).toThrow(
      `${other} holds another master key than this vault's: put back a copy of the key ${keyId}`,
    );
    expect(open(true, { VAULT_MASTER_KEY_FILE: makeCopy() }).proof).toBeUndefined();
  });
});

describe('the master key in a folder that remembers none, like those of 1.0.0,', () => {
  beforeEach(() => void makeMasterKey(own));

  it('is accepted if it opens a stored value, and is remembered only then', async () => {
    stored = valueUnder(own);
    const key = open();
    expect(findKeyIdentity(folder)).toBeUndefined();
    await requireOwnKey(key);
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
    expect(open().proof).toBeUndefined();
  });

  it.each<[string, () => Promise<string> | string, () => StoredKeys]>([
    ['it opens no stored value', () => makeCopy(otherMaterial()), () => valueUnder(own)],
    ['the stored values name another key', () => own, () => ({ own: [], otherKeyId: 'another' })],
  ])('is refused if %s, and nothing is remembered', async (_, fileOf, storedOf) => {
    stored = storedOf();
    const file = await fileOf();
    const key = open(true, { VAULT_MASTER_KEY_FILE: file });
    await expect(requireOwnKey(key)).rejects.toThrow(
      /^\S+ (has the id of the vault's master key, but|holds another master key).*: put back a copy of the key$/,
    );
    await expect(key.proof?.admit(key.read())).rejects.toThrow();
    expect(existsSync(join(folder, 'key-check.json'))).toBe(false);
  });

  it('is taken from VAULT_MASTER_KEY_FILE if that key opens the values, whatever key is in the folder', async () => {
    const right = join(freshFolder(), 'kms.json');
    makeMasterKey(right);
    stored = valueUnder(right);
    await requireOwnKey(open(true, { VAULT_MASTER_KEY_FILE: right }));
    expect(findKeyIdentity(folder)).toEqual(identityIn(right));
  });

  it.each([true, false])(
    'may seal while nothing is stored, and is not remembered (folder has data: %s)',
    async (exist) => {
      const key = open(exist);
      await requireOwnKey(key);
      await key.proof?.admit(key.read());
      expect(existsSync(join(folder, 'key-check.json'))).toBe(false);
      stored = valueUnder(makeCopy(otherMaterial()));
      await expect(key.proof?.admit(key.read())).rejects.toThrow('does not open');
    },
  );

  it('is accepted once a request has opened a value with it, even if it opens no value of the sample', async () => {
    const key = open();
    stored = valueUnder(makeCopy(otherMaterial()));
    key.proof?.opened(key.read());
    await requireOwnKey(key);
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
  });

  it('is neither refused nor remembered while it is disabled', async () => {
    setKeyState(own, 'Disabled');
    stored = valueUnder(own);
    await requireOwnKey(open());
    expect(existsSync(join(folder, 'key-check.json'))).toBe(false);
  });

  it('must have the remembered id, if the folder remembers only an id', () => {
    const { keyId } = identityIn(own);
    writeFileSync(join(folder, 'key-check.json'), JSON.stringify({ keyId }));
    stored = valueUnder(own);
    rmSync(own);
    makeMasterKey(own);
    expect(() => open()).toThrow(
      `${own} holds another master key than this vault's: put back a copy of the key ${keyId}`,
    );
  });
});
