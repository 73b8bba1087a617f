/**
 * Only the id of a master key is remembered, so it is not known yet whether the material in its
 * file is the right one. The tests use the key through the KMS protocol.
 */
import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import {
  identityIn,
  type KeyIdentity,
  makeMasterKey,
  setKeyState,
} from '../../../../host/kms/key-file.ts';
import {
  type Candidate,
  followUnprovedKey,
  judgeByValues,
  type UnprovedKey,
  type Verdict,
} from '../../../../host/kms/key-proof.ts';
import { answerWith } from '../../../support/kms-answer.ts';
import { freshFolder } from '../../../support/local-process.ts';

let file: string;
let keyId: string;
let key: UnprovedKey;
/** The judge's verdict; `undefined` if it cannot decide. */
let verdict: Verdict | undefined;
let candidates: Candidate[];
let remembered: KeyIdentity[];
let warned: string[];

const open = (remember = (proved: KeyIdentity) => void remembered.push(proved)) =>
  followUnprovedKey({
    ...{ file, keyId, remember },
    warn: (sentence) => void warned.push(sentence),
    judge: async (candidate) => {
      candidates.push(candidate);
      if (verdict === undefined) throw new Error('the store is away');
      return verdict;
    },
  });
beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  ({ keyId } = identityIn(file));
  [verdict, candidates, remembered, warned] = [{ is: 'open' }, [], [], []];
  key = open();
});

const ask = async (operation: string, properties: object = {}) => {
  const input = { KeyId: key.arn, ...properties };
  const { status, body } = await answerWith(key)(operation, input);
  return { status, ...body } as { readonly status: number; readonly CiphertextBlob?: string };
};
const seal = () => ask('GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: { name: 'A' } });
const unseal = (CiphertextBlob: string | undefined) =>
  ask('Decrypt', { CiphertextBlob, EncryptionContext: { name: 'A' } });
const changeMaterial = (): void => {
  const keyMaterial = randomBytes(32).toString('base64');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), keyMaterial }));
};
const why = 'it opens nothing';

describe('a master key known only by its id', () => {
  it.each<[Verdict | undefined, string, string | undefined]>([
    [{ is: 'incorrect', why }, 'IncorrectKeyException', 'incorrect'],
    [{ is: 'contested', why }, 'KMSInvalidStateException', 'unproved'],
    [undefined, 'KMSInternalException', 'unproved'],
  ])('seals nothing after the verdict %j (%s), and is shown as %s', async (said, type, state) => {
    const { CiphertextBlob } = await seal();
    verdict = said;
    key = open();
    expect(await seal()).toMatchObject({ __type: type });
    expect(await ask('DescribeKey')).toMatchObject({ __type: type });
    expect(key.proof.state()).toBe(state);
    expect(key.proof.check()).toBe(said?.is === 'incorrect' ? undefined : identityIn(file).check);
    // Unwrapping stays allowed: what the key opens is authentic anyway.
    expect(await unseal(CiphertextBlob)).toMatchObject({ status: 200 });
    expect(remembered).toEqual([]);
    expect([...new Set(warned)]).toEqual(said ? [`${why}; nothing is stored`] : []);
  });

  it('seals while nothing speaks against it, is judged at each write, and is not remembered', async () => {
    for (const _ of [1, 2]) expect(await seal()).toMatchObject({ status: 200 });
    expect(candidates).toHaveLength(2);
    expect([key.proof.state(), key.proof.check()]).toEqual(['usable', identityIn(file).check]);
    expect(remembered).toEqual([]);
  });

  it('is remembered once it is proved, and is neither judged again nor replaced by another key', async () => {
    verdict = { is: 'proved' };
    const { CiphertextBlob } = await seal();
    expect(remembered).toEqual([identityIn(file)]);
    const { check } = identityIn(file);
    verdict = { is: 'incorrect', why };
    expect(await seal()).toMatchObject({ status: 200 });
    expect(candidates).toHaveLength(1);
    changeMaterial();
    expect(await seal()).toMatchObject({ __type: 'IncorrectKeyException' });
    expect(await unseal(CiphertextBlob)).toMatchObject({ __type: 'IncorrectKeyException' });
    expect([key.proof.state(), key.proof.check()]).toEqual(['incorrect', check]);
  });

  it('seals nothing with a key that was read before another key came into the file', async () => {
    const reading = key.read();
    changeMaterial();
    await expect(key.proof.admit(reading)).rejects.toThrow('it is not known yet');
    verdict = { is: 'proved' };
    await key.proof.judge();
    await expect(key.proof.admit(reading)).rejects.toThrow(
      `${file} holds another master key than this vault's`,
    );
  });

  it('is judged once at a time, however many writes are waiting', async () => {
    await Promise.all([seal(), seal(), seal()]);
    expect(candidates).toHaveLength(1);
  });

  it('lets the judge know whether it has opened a value, until another key is in the file', async () => {
    const { CiphertextBlob } = await seal();
    key = open();
    expect(await unseal(CiphertextBlob)).toMatchObject({ status: 200 });
    await seal();
    changeMaterial();
    await seal();
    expect(candidates.map(({ hasOpened }) => hasOpened)).toEqual([false, true, false]);
  });

  it('is not judged while it is disabled, and then has no check value', async () => {
    verdict = { is: 'proved' };
    setKeyState(file, 'Disabled');
    expect(await key.proof.judge()).toBeUndefined();
    expect(await seal()).toMatchObject({ __type: 'DisabledException' });
    expect(await ask('DescribeKey')).toMatchObject({ KeyMetadata: { KeyState: 'Disabled' } });
    expect([key.proof.state(), key.proof.check(), candidates]).toEqual([
      ...['disabled', undefined, []],
    ]);
  });

  it('seals after its proof even if the proof cannot be stored, which causes a warning', async () => {
    verdict = { is: 'proved' };
    key = open(() => {
      throw new Error('no space');
    });
    expect(await seal()).toMatchObject({ status: 200 });
    expect(warned).toEqual([`cannot remember that ${file} is the vault's master key: no space`]);
  });

  it('is shown as missing if its file is missing, whatever the verdict was', async () => {
    await seal();
    rmSync(file);
    expect([key.proof.state(), key.proof.check()]).toEqual(['missing', undefined]);
  });
});

describe('the stored values, as evidence about a key,', () => {
  it('say nothing if there are none, and speak against the key if all of them name another', () => {
    const reading = key.read();
    expect(judgeByValues(file, reading, { own: [], otherKeyId: undefined })).toEqual({
      is: 'open',
    });
    expect(judgeByValues(file, reading, { own: [], otherKeyId: 'k' })).toMatchObject({
      is: 'incorrect',
    });
  });

  it('speak for the key if one of them opens with it, and against it if none does', () => {
    const other = { keyId, secret: createSecretKey(randomBytes(32)) };
    const context = new Map([['name', 'A']]);
    const sealedValue = (under: typeof other) => ({
      ...{ wrapped: wrap(under, randomBytes(32), context), context },
    });
    const judge = (...own: ReturnType<typeof sealedValue>[]) =>
      judgeByValues(file, key.read(), { own, otherKeyId: undefined });
    expect(judge(sealedValue(other), sealedValue(other))).toMatchObject({ is: 'incorrect' });
    expect(judge(sealedValue(other), sealedValue(key.read()))).toEqual({ is: 'proved' });
  });
});
