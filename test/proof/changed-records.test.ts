/**
 * Changes every field of every stored item: each bit of binary fields, each character of texts and numbers, each other
 * length, each attribute removed or added. The vault refuses to read the item, always with the one code of
 * docs/design/envelope.md. docs/threat-model.md lists the changes of what holds no value, which it does not notice.
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
/** The attributes of the index of names. */
const indexed = ['tenant', 'name'];
/** KMS only says that it did not wrap the key. Every other change is detected in the item or the envelope. */
const codeFor = (attribute: string, other: AttributeValue | undefined): string =>
  attribute === 'wrappedDataKey' && (other?.B?.length ?? 0) > 0
    ? 'master_key_incorrect'
    : 'integrity_failure';

/** Texts that differ from this one in one character or in length. */
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
/** The ways to change an attribute: other content of its type, another type, or removal. */
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

  /** A principal whose items are left out of the final check of invariants. */
  const victim = (): Principal => {
    const principal = someone({ tenant: `t${changes}` });
    vault.tampered.add(principal.tenant);
    return principal;
  };

  /** Replaces an item and asks for it. Returns the code, or says that the store itself refused the item. */
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
   * Changes each attribute except the key in every way, and asks after each change. Only of the attributes `unsealed` may a
   * change go unnoticed, and of each of these one does.
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
        // The store refuses values that its index cannot hold.
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
  it('fails as a head with its one code for every change', async () => {
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

  it('fails as a destroyed version, except for its author, write and key, and who destroyed it when', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b', 'c']);
    await vaultOver(vault.ports).destroy(alice, name, 2);
    const unsealed = ['createdBy', 'destroyedAt', 'destroyedBy', 'masterKeyId', 'writeId'];
    await changeAll(await versionItem(alice, 2), () => list(alice), undefined, unsealed);
  });

  /** Texts and numbers locate a version; sealed bytes are opened the same way from every path, so test those once. */
  const isPlain = ({ B }: AttributeValue): boolean => B === undefined;

  it.each([1, 2, 3])('fails as superseded version %s of four, read by number', async (version) => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, [value, 'b', 'c', 'd']);
    const stored = await versionItem(alice, version);
    await changeAll(stored, () => get(alice, { version }), version === 1 ? undefined : isPlain);
  });

  it.each([2, 3])('fails as superseded version %s of four, read by time', async (version) => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b', 'c', 'd']);
    const stored = await versionItem(alice, version);
    const at = Date.parse(stored['validFrom']?.S ?? '');
    await changeAll(stored, () => get(alice, { at }), isPlain);
  });

  it('answers not_found as a first version whose beginning was moved later', async () => {
    const alice = victim();
    await makeSecret(vault.ports, alice, name, ['a', 'b']);
    const first = await versionItem(alice, 1);
    const at = Date.parse(first['validFrom']?.S ?? '');
    const validFrom = { S: new Date(at + 1).toISOString() };
    expect(await refusalFor({ ...first, validFrom }, () => get(alice, { at }))).toBe('not_found');
  });

  it('fails as an idempotency record', async () => {
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
      // The digest of a record decides: with any changed bit the key counts as used by another request.
      for (const digest of changedBytes(content.B ?? new Uint8Array())) {
        await table.put({ ...record, digest: { B: digest } });
        refusable.add(await codeOf(create));
        changes += 1;
      }
    }
    expect([...refusable].sort()).toEqual(['idempotency_key_reused', 'integrity_failure']);
  });
});
