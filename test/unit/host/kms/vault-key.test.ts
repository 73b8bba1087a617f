/**
 * Which key `npm start` takes for the vault's key. That depends on what the folder remembers and on
 * what is stored.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import { followMasterKey, identityIn, makeMasterKey } from '../../../../host/kms/key-file.ts';
import type { StoredKeys } from '../../../../host/kms/key-proof.ts';
import {
  checkKmsKey,
  findKeyIdentity,
  findVaultKey,
  isKeyInKms,
} from '../../../../host/kms/vault-key.ts';
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
const find = (hasData = true, environment: NodeJS.ProcessEnv = {}) =>
  findVaultKey(folder, environment, hasData);
const readStored = async (): Promise<StoredKeys> => stored;
const makeCopy = (change: object = {}): string => {
  const copy = join(freshFolder(), 'kms.json');
  writeFileSync(copy, JSON.stringify({ ...JSON.parse(readFileSync(own, 'utf8')), ...change }));
  return copy;
};
const otherMaterial = () => ({ keyMaterial: randomBytes(32).toString('base64') });

describe('the master key of npm start', () => {
  it('is made and remembered at once in a folder without data and without a key', () => {
    find(false);
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
  });

  it('is not made in a folder that has data', () => {
    expect(() => find()).toThrow(`${own} is missing, the master key of the vault in ${folder}`);
    expect(existsSync(own)).toBe(false);
  });

  it('must be the one that the folder remembers', () => {
    find(false);
    const { keyId } = identityIn(own);
    const other = makeCopy(otherMaterial());
    expect(() => find(true, { VAULT_MASTER_KEY_FILE: other })).toThrow(
      `${other} holds another master key than this vault's: put back a copy of the key ${keyId}`,
    );
    expect(find(true, { VAULT_MASTER_KEY_FILE: makeCopy() }).arn).toContain(keyId);
  });
});

describe('the master key in a folder that no longer remembers which it was', () => {
  beforeEach(() => void makeMasterKey(own));

  it('is accepted if it opens a stored value, and is remembered only then', async () => {
    stored = valueUnder(own);
    const key = find();
    expect(findKeyIdentity(folder)).toBeUndefined();
    await key.open(readStored);
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
  });

  it.each<[string, () => string, () => StoredKeys]>([
    ['it opens no stored value', () => makeCopy(otherMaterial()), () => valueUnder(own)],
    ['the stored values name another key', () => own, () => ({ own: [], otherKeyId: 'another' })],
  ])('is refused if %s, and nothing is remembered', async (_, fileOf, storedOf) => {
    stored = storedOf();
    const key = find(true, { VAULT_MASTER_KEY_FILE: fileOf() });
    await expect(key.open(readStored)).rejects.toThrow(
      /^\S+ (has the id of the vault's master key, but|holds another master key).*: put back a copy of the key$/,
    );
    expect(existsSync(join(folder, 'key-check.json'))).toBe(false);
  });

  it('is taken from VAULT_MASTER_KEY_FILE if that key opens the values, whatever key is in the folder', async () => {
    const right = join(freshFolder(), 'kms.json');
    makeMasterKey(right);
    stored = valueUnder(right);
    await find(true, { VAULT_MASTER_KEY_FILE: right }).open(readStored);
    expect(findKeyIdentity(folder)).toEqual(identityIn(right));
  });

  it('is remembered while nothing is stored', async () => {
    await find().open(readStored);
    expect(findKeyIdentity(folder)).toEqual(identityIn(own));
  });
});

describe('the environment of npm start', () => {
  const arn = 'arn:aws:kms:us-east-1:000000000000:key/one';
  const address = 'http://127.0.0.1:1';

  it.each([
    { is: false, environment: {} },
    { is: false, environment: { VAULT_MASTER_KEY_FILE: '/kms.json' } },
    { is: true, environment: { MASTER_KEY_ID: arn } },
    { is: true, environment: { AWS_ENDPOINT_URL_KMS: address } },
  ])('names a key in a KMS: $is for $environment', ({ is, environment }) => {
    expect(isKeyInKms(environment)).toBe(is);
  });

  it.each([{ MASTER_KEY_ID: arn }, { AWS_ENDPOINT_URL_KMS: address }])(
    'is refused if it names a key file, too: %j',
    (inKms) => {
      expect(() => isKeyInKms({ ...inKms, VAULT_MASTER_KEY_FILE: '/kms.json' })).toThrow(
        'VAULT_MASTER_KEY_FILE and a key of a KMS (MASTER_KEY_ID) are set together: set one',
      );
    },
  );
});

describe('a key in a KMS', () => {
  const arn = 'arn:aws:kms:us-east-1:000000000000:key/one';

  it('is remembered by a folder that remembers none, and stays the only one that it accepts', () => {
    checkKmsKey(folder, arn);
    checkKmsKey(folder, arn);
    expect(() => checkKmsKey(folder, `${arn}2`)).toThrow(
      `MASTER_KEY_ID is ${arn}2, but the master key of the vault in ${folder} is ${arn}: values are`,
    );
  });

  it('is refused by a folder whose key is in a file', () => {
    find(false);
    expect(() => checkKmsKey(folder, arn)).toThrow(
      `the master key of the vault in ${folder} is ${identityIn(own).keyId}, in a file: values are`,
    );
  });
});
