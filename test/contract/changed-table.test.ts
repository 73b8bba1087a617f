/**
 * What reads do after somebody changed the table behind the vault's back: a version is missing, or
 * an interval does not end where the next one begins. Every read that notices fails with
 * integrity_failure. test/proof/changed-records.test.ts changes every attribute.
 */
import { beforeAll, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { storeOver } from '../support/embedded.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { type Item, openTable, type Table } from '../support/stored-items.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);
let table: Table;
let alice: Principal;
/** The items of five versions by number. Number 5 is the head. */
let items: Readonly<Record<number, Item>>;
const began = 1_700_000_000_000;
beforeAll(async () => {
  table = openTable(vault);
  alice = someone();
  vault.tampered.add(alice.tenant);
  await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c', 'd', 'e'], began);
  const stored = await table.itemsOf(alice.tenant);
  items = Object.fromEntries(stored.map((item) => [Number(item['version']?.N), item]));
});

const listAll = async (order: 'asc' | 'desc', limit: number, from?: number): Promise<void> => {
  let after = from;
  do ({ next: after } = await ask.versions(alice, 'DB', { order, limit, after }));
  while (after !== undefined);
};
const requireRefused = async (version: number): Promise<void> => {
  const at = began + (version - 1) * 1_000;
  const ways: readonly (() => Promise<unknown>)[] = [
    () => ask.get(alice, 'DB', { version }),
    () => ask.get(alice, 'DB', { at }),
    () => ask.expand(alice, `X=secret(DB@${version})\n`),
    () => ask.expand(alice, 'X=secret(DB)\n', { at }),
    ...[1, 2, 50].flatMap((limit) => [
      () => listAll('asc', limit),
      () => listAll('desc', limit),
      () => listAll('desc', limit, version + 1),
    ]),
  ];
  const codes: string[] = [];
  for (const way of ways) codes.push(await codeOf(way).catch(() => 'nothing was refused'));
  expect(codes).toEqual(ways.map(() => 'integrity_failure'));
};

it.each([1, 2, 3, 4])(
  'reads that see version %i and the next one fail with integrity_failure when the first does not end where the next begins',
  async (version) => {
    for (const ms of [-1, 1, 5_000]) {
      const validTo = { S: new Date(began + version * 1_000 + ms).toISOString() };
      await table.put({ ...items[version], validTo });
      // Version 4 is followed by the head, which every read reads, so every read notices. A pin of
      // an older version does not read the version after it.
      if (version === 4) await requireRefused(version);
      else {
        for (const which of [{ version }, { at: began + (version - 1) * 1_000 }]) {
          expect(await codeOf(() => ask.get(alice, 'DB', which))).toBe('integrity_failure');
        }
        for (const limit of [1, 2, 50]) {
          expect(await codeOf(() => listAll('asc', limit))).toBe('integrity_failure');
          expect(await codeOf(() => listAll('desc', limit, version + 1))).toBe('integrity_failure');
        }
      }
    }
    await table.put(items[version] ?? {});
    expect((await ask.get(alice, 'DB', { version })).stored.version).toBe(version);
  },
);

it.each([1, 2, 3, 4])(
  'reads fail with integrity_failure, and log it, when version %i is missing below the head',
  async (version) => {
    await table.remove(items[version] ?? {});
    await requireRefused(version);
    const context = requestContext();
    const get = () => ask.get(alice, 'DB', { version }, { context });
    expect(await codeOf(get)).toBe('integrity_failure');
    expect(context.journal.decisions).toEqual([
      { decision: 'integrity_failure', about: { name: 'DB', version } },
    ]);
    await table.put(items[version] ?? {});
  },
);

it("a get by number fails with integrity_failure when the head's version also has a version item", async () => {
  const { tenant: _, name: __, ...sealed } = items[5] ?? {};
  const planted = {
    ...sealed,
    sk: { S: 'VERSION#0000000005' },
    validTo: { S: '2999-01-01T00:00:00.000Z' },
  };
  await table.put(planted);
  expect(await codeOf(() => ask.get(alice, 'DB', { version: 5 }))).toBe('integrity_failure');
  await table.remove(planted);
});

it('a value whose note was added, changed or removed is refused when it is read', async () => {
  const own = someone();
  vault.tampered.add(own.tenant);
  await ask.create(own, 'DB', 'a', { note: 'first' });
  await ask.update(own, 'DB', 'b', { note: 'second' });
  await ask.update(own, 'DB', 'c');
  const stored = await table.itemsOf(own.tenant);
  for (const item of stored) {
    const version = Number(item['version']?.N);
    const { note: _, ...bare } = item;
    for (const changed of [{ ...bare, note: { S: 'forged' } }, ...(version < 3 ? [bare] : [])]) {
      await table.put(changed);
      for (const get of [
        () => ask.get(own, 'DB', { version }),
        () => ask.expand(own, `X=secret(DB@${version})\n`),
      ]) {
        expect(await codeOf(get)).toBe('integrity_failure');
      }
    }
    await table.put(item);
    expect((await ask.get(own, 'DB', { version })).stored.version).toBe(version);
  }
});

it.each(['createdBy', 'note', 'validFrom'] as const)(
  'a forged %s is refused where the value is opened, and shown where it is not',
  async (attribute) => {
    const own = someone();
    vault.tampered.add(own.tenant);
    await ask.create(own, 'DB', 'a', { note: 'genuine' });
    const [head] = await table.itemsOf(own.tenant);
    const at = new Date(began).toISOString();
    const S = attribute === 'validFrom' ? at : 'forged';
    await table.put({ ...head, [attribute]: { S } });
    for (const opens of [
      () => ask.get(own, 'DB'),
      () => ask.versions(own, 'DB', { includeValues: true }),
      () => ask.expand(own, 'X=secret(DB)\n'),
      () => ask.expand(own, 'X=secret(DB)\n', { dryRun: true }),
      () => ask.submit(own, 'X=secret(DB)\n'),
    ]) {
      expect(await codeOf(opens)).toBe('integrity_failure');
    }
    const shown = { [attribute]: attribute === 'validFrom' ? began : 'forged' };
    expect((await ask.versions(own, 'DB')).versions).toMatchObject([{ stored: shown }]);
    expect((await ask.names(own, { includeDetails: true })).details).toMatchObject([shown]);
    expect((await ask.explain(own, 'DB')).head).toMatchObject(shown);
    expect(await ask.getUnless(own, 'DB', '*')).toMatchObject({ isUnchanged: true });
  },
);

it('items of another vault are refused before the master key is called, even those without a value', async () => {
  const own = someone();
  for (const name of ['DB', 'GONE']) {
    await ask.create(own, name, 'a');
    await ask.update(own, name, 'b');
  }
  await ask.destroy(own, 'DB', 1);
  await ask.delete(own, 'GONE');
  const store = storeOver(vault.itemsOf, 'another-vault');
  const other = vaultOver({ ...vault.ports, vaultId: 'another-vault', store });
  const context = requestContext();
  for (const read of [
    () => other.get(own, 'DB', 'latest', { context }),
    () => other.get(own, 'DB', { version: 1 }, { context }),
    () => other.get(own, 'GONE', 'latest', { context }),
    () => other.expand(own, 'X=secret(DB)\n', { context }),
    () => other.names(own, { includeDetails: true }, { context }),
    () => other.delete(own, 'DB', { context }),
    () => other.destroy(own, 'GONE', 1, { context }),
  ]) {
    expect(await codeOf(read)).toBe('integrity_failure');
  }
  expect(context.journal.kmsCalls).toEqual([]);
});
