/**
 * Every field of every item as it lies in the table: each bit of binary fields, each character of texts
 * and numbers, each length but its own, each attribute gone or added. What is read is refused, always
 * with the one code of docs/design/envelope.md.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { codeOf } from '../support/refusals.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { type Item, openTable, type Table } from '../support/stored-items.ts';

const key = 'k'.repeat(20);
const name = 'DB';
const value = bytes('a value');
/** The attributes of the index of names. */
const indexed = ['tenant', 'name'];
/** KMS does not unwrap what it has not wrapped and says no more; all else is the item's or the envelope's own. */
const codeFor = (attribute: string, other: AttributeValue | undefined): string =>
  attribute === 'wrappedDataKey' && (other?.B?.length ?? 0) > 0
    ? 'master_key_incorrect'
    : 'integrity_failure';

/** Texts that differ from this one in one character, or in length. */
const changedTexts = (text: string): string[] => {
  const others = [...text].map(
    (character, index) =>
      text.slice(0, index) +
      String.fromCharCode(character.charCodeAt(0) ^ 1) +
      text.slice(index + 1),
  );
  return [...others, text.slice(0, -1), text.slice(1), `${text}0`, `0${text}`, ''];
};
const changedNumbers = (text: string): string[] =>
  changedTexts(text).filter((other) => /^\d+$/.test(other) && Number(other) !== Number(text));
const changedBytes = (content: Uint8Array): Uint8Array[] => {
  const flipped = Array.from({ length: content.length * 8 }, (_, bit) =>
    content.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)),
  );
  const zero = new Uint8Array(1);
  return [
    ...flipped,
    ...Array.from(content.keys(), (length) => content.slice(0, length)),
    ...Array.from(content.keys(), (length) => content.slice(content.length - length)),
    Buffer.concat([content, zero]),
    Buffer.concat([zero, content]),
    Buffer.concat([content, content]),
  ];
};
/** What an attribute may become: its own type with another content, another type, or gone. */
const changed = ({ S, N, B }: AttributeValue): (AttributeValue | undefined)[] => [
  ...(S === undefined ? [] : changedTexts(S).map((text) => ({ S: text }))),
  ...(N === undefined ? [] : changedNumbers(N).map((number) => ({ N: number }))),
  ...(B === undefined ? [] : changedBytes(B).map((content) => ({ B: content }))),
  ...(S === undefined ? [{ S: 'x' }] : [{ B: Buffer.from(S || 'x') }]),
  { BOOL: true },
  { NULL: true },
  undefined,
];

describe('an item that was changed in the table', () => {
  let vault: Embedded;
  let table: Table;
  let changes = 0;
  beforeAll(async () => {
    vault = await startEmbedded();
    table = openTable(vault);
  });
  afterAll(async () => {
    printFigure('changed records', `${changes} changes, all refused with the one code of each`);
    await vault.close();
  });

  /** Someone whose items are not held against the invariants at the end. */
  const victim = (): Principal => {
    const principal = someone({ tenant: `t${changes}` });
    vault.tampered.add(principal.tenant);
    return principal;
  };

  /** Asks for an item that was put in place of another; nothing to ask where the store refuses it itself. */
  const refusalFor = async (item: Item, ask: () => Promise<unknown>): Promise<string> => {
    const isStored = await table.put(item).then(
      () => true,
      () => false,
    );
    if (!isStored) return 'not stored';
    changes += 1;
    return await codeOf(ask).catch(() => 'nothing was refused');
  };
  /** Changes each attribute but the key in every way, and asks after each change. */
  const changeAll = async (
    item: Item,
    ask: () => Promise<unknown>,
    which: (content: AttributeValue) => boolean = () => true,
  ): Promise<void> => {
    for (const [attribute, content] of Object.entries(item)) {
      if (attribute === 'pk' || attribute === 'sk' || !which(content)) continue;
      for (const other of changed(content)) {
        const { [attribute]: _, ...rest } = item;
        const code = await refusalFor(other ? { ...rest, [attribute]: other } : rest, ask);
        // The store refuses what its index cannot hold.
        const expected =
          code === 'not stored' && indexed.includes(attribute) ? code : codeFor(attribute, other);
        expect([attribute, JSON.stringify(other), code]).toEqual([
          attribute,
          JSON.stringify(other),
          expected,
        ]);
      }
    }
    expect(await refusalFor({ ...item, added: { S: 'x' } }, ask)).toBe('integrity_failure');
    await table.put(item);
    await ask();
  };

  const get = (principal: Principal, which: Parameters<ReturnType<typeof getSecret>>[2]['which']) =>
    getSecret(vault.ports)(requestContext(), principal, { name, which });

  const versionItem = async (principal: Principal, version: number): Promise<Item> => {
    const items = await table.itemsOf(principal.tenant);
    return items.find(({ sk }) => sk?.S === `VERSION#000000000${version}`) ?? {};
  };

  it('is refused as a head', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, [value]);
    const [head] = await table.itemsOf(alice.tenant);
    await changeAll(head ?? {}, () => get(alice, 'latest'));
  });

  /** Texts and numbers say where a version lies; what is sealed is opened alike whichever way leads there. */
  const isPlain = ({ B }: AttributeValue): boolean => B === undefined;

  it.each([1, 2, 3])(
    'is refused as superseded version %s of four, by its number',
    async (version) => {
      const alice = victim();
      await makeSecret(vault.ports, alice, name, [value, 'b', 'c', 'd']);
      const stored = await versionItem(alice, version);
      await changeAll(stored, () => get(alice, { version }), version === 1 ? undefined : isPlain);
    },
  );

  it.each([2, 3])('is refused as superseded version %s of four, by its time', async (version) => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b', 'c', 'd']);
    const stored = await versionItem(alice, version);
    const at = Date.parse(stored['validFrom']?.S ?? '');
    await changeAll(stored, () => get(alice, { at }), isPlain);
  });

  it('is not refused, but not told either, as a first version that seems to begin later', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b']);
    const first = await versionItem(alice, 1);
    const at = Date.parse(first['validFrom']?.S ?? '');
    const validFrom = { S: new Date(at + 1).toISOString() };
    expect(await refusalFor({ ...first, validFrom }, () => get(alice, { at }))).toBe('not_found');
  });

  it('is refused as an idempotency record', async () => {
    const alice = victim();
    const request = { name, value, fingerprint: fingerprint(key, alice, ['create', name]) };
    const create = () => createSecret(vault.ports)(requestContext(), alice, request);
    await create();
    const items = await table.itemsOf(alice.tenant);
    const record = items.find(({ sk }) => sk?.S === 'RECORD') ?? {};
    const refusable = new Set<string>();
    for (const [attribute, content] of Object.entries(record)) {
      if (attribute === 'pk' || attribute === 'sk') continue;
      for (const other of [undefined, { BOOL: true }, { NULL: true }]) {
        const { [attribute]: _, ...rest } = record;
        await table.put(other ? { ...rest, [attribute]: other } : rest);
        expect(await codeOf(create)).toBe('integrity_failure');
        changes += 1;
      }
      if (attribute !== 'digest') continue;
      // Of a record the digest decides: any bit, and the key is one of another request.
      for (const digest of changedBytes(content.B ?? new Uint8Array())) {
        await table.put({ ...record, digest: { B: digest } });
        refusable.add(await codeOf(create));
        changes += 1;
      }
    }
    expect([...refusable].sort()).toEqual(['idempotency_key_reused', 'integrity_failure']);
  });
});
