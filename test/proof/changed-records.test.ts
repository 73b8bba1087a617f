/**
 * Changes every field of every stored item: each bit of binary fields, each character of texts and
 * numbers, every other length, each attribute removed, and one added. The vault refuses to read the
 * item, always with the code that docs/design/envelope.md states. docs/threat-model.md lists the
 * changes that it does not notice, in items that hold no value.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { GetSecret } from '../../functions/vault/get-secret.ts';
import { printFigure } from '../support/figure.ts';
import { codeOf } from '../support/refusals.ts';
import { bytes, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { type Item, openTable } from '../support/stored-items.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

const key = 'k'.repeat(20);
const name = 'DB';
const value = bytes('a value');
/** The attributes in the index of names. */
const indexed = ['tenant', 'name'];
/**
 * Returns the code for a changed attribute. About a changed data key, KMS says only that it did not
 * wrap it. Every other change is detected in the item or the envelope.
 */
const codeFor = (attribute: string, other: AttributeValue | undefined): string =>
  attribute === 'wrappedDataKey' && (other?.B?.length ?? 0) > 0
    ? 'master_key_incorrect'
    : 'integrity_failure';

/** Returns texts that differ from this one in one character or in their length. */
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
/** Returns the ways to change an attribute: other content of its type, another type, or removal. */
const changed = ({ S, N, B }: AttributeValue): (AttributeValue | undefined)[] => [
  ...(S === undefined ? [] : changedTexts(S).map((text) => ({ S: text }))),
  ...(N === undefined ? [] : changedNumbers(N).map((number) => ({ N: number }))),
  ...(B === undefined ? [] : changedBytes(B).map((content) => ({ B: content }))),
  ...(S === undefined ? [{ S: 'x' }] : [{ B: Buffer.from(S || 'x') }]),
  { BOOL: true },
  { NULL: true },
  undefined,
];

describe('a changed item', () => {
  const vault = useEmbedded();
  const table = openTable(vault);
  let changes = 0;
  afterAll(() =>
    printFigure(
      'changed records',
      `${changes} changes, each refused with its one code or listed in docs/threat-model.md`,
    ),
  );

  /** Makes a principal whose items the final check of invariants ignores. */
  const victim = (): Principal => {
    const principal = someone({ tenant: `t${changes}` });
    vault.tampered.add(principal.tenant);
    return principal;
  };

  /**
   * Replaces an item in the table, and runs `ask`, a request that reads it. Returns the code of the
   * refusal, `nothing was refused`, or `not stored` if the store itself refused the item.
   */
  const refusalFor = async (item: Item, ask: () => Promise<unknown>): Promise<string> => {
    const isStored = await table.put(item).then(
      () => true,
      () => false,
    );
    if (!isStored) return 'not stored';
    changes += 1;
    return await codeOf(ask).catch(() => 'nothing was refused');
  };
  /**
   * Changes each attribute of the item except its key in every way, and runs `ask` after each
   * change. Changes may go unnoticed only in the attributes `unsealed`, and in each of these at
   * least one must go unnoticed.
   */
  const changeAll = async (
    item: Item,
    ask: () => Promise<unknown>,
    which: (content: AttributeValue) => boolean = () => true,
    unsealed: readonly string[] = [],
  ): Promise<void> => {
    const unnoticed = new Set<string>();
    for (const [attribute, content] of Object.entries(item)) {
      if (attribute === 'pk' || attribute === 'sk' || !which(content)) continue;
      for (const other of changed(content)) {
        const { [attribute]: _, ...rest } = item;
        const code = await refusalFor(other ? { ...rest, [attribute]: other } : rest, ask);
        const isUnnoticed = code === 'nothing was refused' && unsealed.includes(attribute);
        if (isUnnoticed) unnoticed.add(attribute);
        // The store itself refuses values that its index cannot contain.
        const isNotStored = code === 'not stored' && indexed.includes(attribute);
        const expected = isUnnoticed || isNotStored ? code : codeFor(attribute, other);
        expect([attribute, JSON.stringify(other), code]).toEqual([
          attribute,
          JSON.stringify(other),
          expected,
        ]);
      }
    }
    expect([...unnoticed].sort()).toEqual([...unsealed].sort());
    expect(await refusalFor({ ...item, added: { S: 'x' } }, ask)).toBe('integrity_failure');
    await table.put(item);
    await ask();
  };

  const get = (principal: Principal, which: GetSecret['which']) =>
    vaultOver(vault.ports).get(principal, name, which);

  const versionItem = async (principal: Principal, version: number): Promise<Item> => {
    const items = await table.itemsOf(principal.tenant);
    return items.find(({ sk }) => sk?.S === `VERSION#000000000${version}`) ?? {};
  };

  // Shows G15.
  it('is refused as the current version after any change, with the documented code', async () => {
    const alice = victim();
    await vaultOver(vault.ports).create(alice, name, value, { note: 'made for a test' });
    const [head] = await table.itemsOf(alice.tenant);
    await changeAll(head ?? {}, () => get(alice, 'latest'));
  });

  const list = (principal: Principal) => vaultOver(vault.ports).versions(principal, name);

  it('is refused as a deletion, unless only its author, note or write id changed', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b']);
    await vaultOver(vault.ports).delete(alice, name, { note: 'no longer used' });
    const [head = {}] = await table.itemsOf(alice.tenant);
    const unsealed = ['createdBy', 'note', 'writeId'];
    await changeAll(head, () => list(alice), undefined, unsealed);
    await vaultOver(vault.ports).create(alice, name, 'd');
    await changeAll(await versionItem(alice, 3), () => list(alice), undefined, unsealed);
  });

  it('is refused as a destroyed version, unless only its author, write id or key, or the author or time of its destruction changed', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b', 'c']);
    await vaultOver(vault.ports).destroy(alice, name, 2);
    const unsealed = ['createdBy', 'destroyedAt', 'destroyedBy', 'masterKeyId', 'writeId'];
    await changeAll(await versionItem(alice, 2), () => list(alice), undefined, unsealed);
  });

  /**
   * Whether the content is a text or a number. These are used to find a version, so they are tested
   * for every way to read one. Sealed bytes are always opened the same way, so they are tested
   * once.
   */
  const isPlain = ({ B }: AttributeValue): boolean => B === undefined;

  it.each([1, 2, 3])(
    'is refused as superseded version %s of four, read by number',
    async (version) => {
      const alice = victim();
      await makeSecret(vault.ports, alice, name, [value, 'b', 'c', 'd']);
      const stored = await versionItem(alice, version);
      await changeAll(stored, () => get(alice, { version }), version === 1 ? undefined : isPlain);
    },
  );

  it.each([2, 3])('is refused as superseded version %s of four, read by time', async (version) => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b', 'c', 'd']);
    const stored = await versionItem(alice, version);
    const at = Date.parse(stored['validFrom']?.S ?? '');
    await changeAll(stored, () => get(alice, { at }), isPlain);
  });

  it('is not found if it is a first version whose beginning was moved to a later time', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b']);
    const first = await versionItem(alice, 1);
    const at = Date.parse(first['validFrom']?.S ?? '');
    const validFrom = { S: new Date(at + 1).toISOString() };
    expect(await refusalFor({ ...first, validFrom }, () => get(alice, { at }))).toBe('not_found');
  });

  it('is refused as an idempotency record if an attribute is missing or of another type, or if the digest changed', async () => {
    const alice = victim();
    const create = () => vaultOver(vault.ports).create(alice, name, value, { key });
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
      // The digest of a record is compared. If any of its bits is changed, the key seems to have
      // been used by another request.
      for (const digest of changedBytes(content.B ?? new Uint8Array())) {
        await table.put({ ...record, digest: { B: digest } });
        refusable.add(await codeOf(create));
        changes += 1;
      }
    }
    expect([...refusable].sort()).toEqual(['idempotency_key_reused', 'integrity_failure']);
  });
});
