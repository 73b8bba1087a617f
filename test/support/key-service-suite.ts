/**
 * What every master key must do, whether it is in a file, behind KMS's protocol, or in LocalStack's
 * KMS.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyService } from '../../functions/kms/key-service.ts';

type Bound = Record<string, string>;

export type KeyUnderTest = {
  readonly service: KeyService;
  readonly keyArn: string;
  readonly setEnabled: (isEnabled: boolean) => Promise<unknown>;
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
    const refusalOf = (attempt: Promise<unknown>): Promise<string> =>
      attempt.then(
        () => 'no refusal',
        ({ name }) => name,
      );

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
      expect(await refusalOf(unwrap(wrapped, other))).toBe('InvalidCiphertextException');
      const back = await generate(other);
      expect(await refusalOf(unwrap(back.wrapped))).toBe('InvalidCiphertextException');
    });

    it('takes what a data key is bound to in any order', async () => {
      const { plaintext, wrapped } = await generate({ a: '1', b: '2' });
      expect(await unwrap(wrapped, { b: '2', a: '1' })).toEqual(plaintext);
    });

    it('opens no damaged data key', async () => {
      const { wrapped } = await generate();
      const last = Buffer.from(wrapped);
      last.writeUInt8(last.readUInt8(last.length - 1) ^ 1, last.length - 1);
      expect(await refusalOf(unwrap(last))).toBe('InvalidCiphertextException');
    });

    it('is not used while it is disabled, and opens everything once it is enabled', async () => {
      const { plaintext, wrapped } = await generate();
      expect(await key.service.describe(signal)).toMatchObject({ isEnabled: true });
      await key.setEnabled(false);
      expect(await refusalOf(generate())).toBe('DisabledException');
      expect(await refusalOf(unwrap(wrapped))).toBe('DisabledException');
      expect(await key.service.describe(signal)).toMatchObject({ isEnabled: false });
      await key.setEnabled(true);
      const { masterKeyId } = await key.service.describe(signal);
      expect(key.keyArn.endsWith(`/${masterKeyId}`)).toBe(true);
      expect(await unwrap(wrapped)).toEqual(plaintext);
    });
  });
};
