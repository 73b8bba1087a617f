/**
 * What every master key must do, whether it is in a file, behind KMS's protocol, or in LocalStack's
 * KMS.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { KeyFault, type KeyService } from '../../functions/kms/key-service.ts';
import type { KeyState } from '../../host/kms/key-file.ts';

type Bound = Record<string, string>;

export type KeyUnderTest = {
  readonly service: KeyService;
  readonly keyArn: string;
  readonly setState: (state: KeyState) => Promise<unknown>;
  /** A different key of the same kind. */
  readonly other: KeyService;
  /** A key of the same kind that does not exist. */
  readonly missing: KeyService;
};

/** Defines the tests for one kind of master key. `start` must return a new key that is enabled. */
export const holdsForEachKey = (where: string, start: () => Promise<KeyUnderTest>): void => {
  describe(`a master key ${where}`, () => {
    const own = { vault: 'v', tenant: 't1', name: 'DB_PASSWORD' };
    const signal = new AbortController().signal;
    let key: KeyUnderTest;
    beforeAll(async () => {
      key = await start();
    });

    const generate = async (bound: Bound = own) => {
      const { plaintext, wrapped, masterKeyId } = await key.service.generate(bound, signal);
      if (!plaintext || !wrapped) throw new Error('no data key');
      return { plaintext: Buffer.from(plaintext), wrapped: Buffer.from(wrapped), masterKeyId };
    };
    const unwrap = async (wrapped: Uint8Array, bound: Bound = own) => {
      const { plaintext } = await key.service.unwrap(bound, wrapped, signal);
      return plaintext && Buffer.from(plaintext);
    };
    /** Returns what the vault needs of the `KeyFault` that ends the attempt. */
    const faultOf = async (attempt: Promise<unknown>): Promise<unknown> => {
      const thrown = await attempt.catch((error: unknown) => error);
      if (!(thrown instanceof KeyFault)) return thrown;
      const { code, retryable, cause, name } = thrown;
      return { code, retryable, cause, name };
    };
    /** A fault with its word, which a log line shows as the name of the error. */
    const unusable = (word: string) => ({
      ...{ code: 'master_key_unavailable', retryable: false, cause: word, name: word },
    });
    const incorrect = (word: string) => ({ ...unusable(word), code: 'master_key_incorrect' });
    const damaged = incorrect('InvalidCiphertextException');

    it('opens the data key that it wrapped, and names itself', async () => {
      const { plaintext, wrapped, masterKeyId } = await generate();
      expect(plaintext).toHaveLength(32);
      expect(masterKeyId).toBe(key.keyArn);
      expect(wrapped.includes(plaintext)).toBe(false);
      expect(await unwrap(wrapped)).toEqual(plaintext);
    });

    it('makes every data key and every wrapped form only once', async () => {
      const [one, other] = [await generate(), await generate()];
      expect(one.plaintext).not.toEqual(other.plaintext);
      expect(one.wrapped).not.toEqual(other.wrapped);
    });

    it.each<[string, Bound]>([
      ['two values exchanged', { vault: 'v', tenant: 'DB_PASSWORD', name: 't1' }],
      ['another tenant', { ...own, tenant: 't2' }],
      ['one more entry', { ...own, version: '1' }],
      ['one entry fewer', { vault: 'v', tenant: 't1' }],
    ])('opens no data key under another binding, such as one with %s', async (_, other) => {
      const { wrapped } = await generate();
      expect(await faultOf(unwrap(wrapped, other))).toEqual(damaged);
      const back = await generate(other);
      expect(await faultOf(unwrap(back.wrapped))).toEqual(damaged);
    });

    it('takes what a data key is bound to in any order', async () => {
      const { plaintext, wrapped } = await generate({ a: '1', b: '2' });
      expect(await unwrap(wrapped, { b: '2', a: '1' })).toEqual(plaintext);
    });

    it('opens no damaged data key', async () => {
      const { wrapped } = await generate();
      const last = Buffer.from(wrapped);
      last.writeUInt8(last.readUInt8(last.length - 1) ^ 1, last.length - 1);
      expect(await faultOf(unwrap(last))).toEqual(damaged);
    });

    it('distinguishes a data key of another master key from a damaged one', async () => {
      const { wrapped = Buffer.of() } = await key.other.generate(own, signal);
      expect(await faultOf(unwrap(wrapped))).toEqual(incorrect('IncorrectKeyException'));
    });

    it('fails with NotFoundException at every use while it does not exist', async () => {
      const { wrapped } = await generate();
      const { missing } = key;
      const expected = unusable('NotFoundException');
      expect(await faultOf(missing.generate(own, signal))).toEqual(expected);
      expect(await faultOf(missing.unwrap(own, wrapped, signal))).toEqual(expected);
      expect(await faultOf(missing.describe(signal))).toEqual(expected);
    });

    it.each<[string, KeyState, string]>([
      ['disabled', 'Disabled', 'DisabledException'],
      ['pending deletion', 'PendingDeletion', 'KMSInvalidStateException'],
    ])(
      'is not used while it is %s, and opens everything once it is enabled',
      async (_, state, word) => {
        const { plaintext, wrapped } = await generate();
        expect(await key.service.describe(signal)).toMatchObject({ isEnabled: true });
        await key.setState(state);
        expect(await faultOf(generate())).toEqual(unusable(word));
        expect(await faultOf(unwrap(wrapped))).toEqual(unusable(word));
        expect(await key.service.describe(signal)).toMatchObject({ isEnabled: false });
        await key.setState('Enabled');
        const { masterKeyId } = await key.service.describe(signal);
        expect(key.keyArn.endsWith(`/${masterKeyId}`)).toBe(true);
        expect(await unwrap(wrapped)).toEqual(plaintext);
      },
    );
  });
};
