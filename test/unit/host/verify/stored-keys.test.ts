/** The stored values that can prove a key. */
import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import type { NewVersion } from '../../../../functions/model/types.ts';
import { encodeHead, type Item } from '../../../../functions/store/items.ts';
import { createSample, readStoredKeys } from '../../../../host/verify/stored-keys.ts';

const arn = 'arn:aws:kms:us-east-1:000000000000:key/6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11';
const common = {
  ...{ tenant: 'acme', vault: 'v', version: 1, validFrom: 0, validTo: undefined },
  ...{ createdBy: 'alice', writeId: 'AAAAAAAAAAAAAAAAAAAAAA', note: undefined },
};
const itemOf = (name: string, more: { masterKeyId?: string; vault?: string } = {}): Item =>
  encodeHead({
    ...{ ...common, name, state: 'stored', masterKeyId: arn },
    ...{ iv: Buffer.alloc(12), ciphertext: Buffer.alloc(17), commitment: Buffer.alloc(32) },
    wrappedDataKey: Buffer.from(name),
    ...more,
  } as NewVersion);
const deletion = encodeHead({ ...common, name: 'GONE', state: 'deleted' } as NewVersion);
const damaged: Item = { ...itemOf('BAD'), iv: { S: '' } };
const sealedValue = (name: string) => ({
  wrapped: Buffer.from(name),
  context: new Map(Object.entries({ vault: 'v', tenant: 'acme', name })),
});

describe('the sample of stored values', () => {
  it('holds the first five that name the key', () => {
    const sample = createSample('v', arn);
    expect(sample.add(['A', 'B'].map((name) => itemOf(name)))).toBe(false);
    expect(sample.add(['C', 'D', 'E', 'F'].map((name) => itemOf(name)))).toBe(true);
    expect(sample.taken()).toEqual({
      ...{ own: ['A', 'B', 'C', 'D', 'E'].map(sealedValue), otherKeyId: undefined },
    });
  });

  it('skips what cannot be read, deletions, and the items of other vaults', () => {
    const sample = createSample('v', arn);
    sample.add([damaged, deletion, { pk: { S: 'x' } }, itemOf('OTHER', { vault: 'w' })]);
    expect(sample.taken()).toEqual({ own: [], otherKeyId: undefined });
  });

  it('reports the id of another master key only if no value was sealed with the expected one', () => {
    const sample = createSample('v', arn);
    sample.add([itemOf('A', { masterKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/k-2' })]);
    expect(sample.taken()).toEqual({ own: [], otherKeyId: 'k-2' });
    sample.add([itemOf('B')]);
    expect(sample.taken()).toEqual({ own: [sealedValue('B')], otherKeyId: undefined });
  });
});

describe('the stored values that can prove a key', () => {
  /** A table with these pages. An `Error` makes the read of that page fail. */
  const tableOf = (pages: readonly (readonly Item[] | Error)[]) => {
    let read = 0;
    async function* each() {
      for (const page of pages) {
        read += 1;
        if (page instanceof Error) throw page;
        yield page;
      }
    }
    return { vault: { table: { pages: each }, vaultId: 'v' }, read: () => read };
  };

  it('are read from the table page by page until there are five', async () => {
    const names = ['A', 'B', 'C', 'D', 'E'];
    const { vault, read } = tableOf([[deletion], names.map((name) => itemOf(name)), []]);
    expect((await readStoredKeys(vault, arn)).own).toHaveLength(5);
    expect(read()).toBe(2);
  });

  it('are none if the table does not exist', async () => {
    const missing = new ResourceNotFoundException({ message: '', $metadata: {} });
    expect(await readStoredKeys(tableOf([missing]).vault, arn)).toEqual({
      ...{ own: [], otherKeyId: undefined },
    });
  });

  it('cause an error, not an empty sample, if the store cannot be read', async () => {
    const away = new Error('away');
    await expect(readStoredKeys(tableOf([[], away]).vault, arn)).rejects.toThrow(away);
  });
});
