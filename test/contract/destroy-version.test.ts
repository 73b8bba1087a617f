/** The destruction of superseded versions. */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { openTable } from '../support/stored-items.ts';
import { callsOfPort } from '../support/test-store.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
/** A new caller with the secret `DB`, whose versions are one second apart. */
const withVersions = async (...values: string[]): Promise<Principal> => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', values, began);
  return alice;
};

describe('destroy-version', () => {
  // Shows G4.
  it('removes the value and the note of a version, and keeps what its history needs', async () => {
    const alice = someone();
    await ask.create(alice, 'DB', 'leaked', { now: began, note: 'from the wiki' });
    await addVersion(vault.ports, alice, 'DB', 'b', began + 1_000);
    const [before] = await historyOf(vault.ports, alice, 'DB');
    const bob = { ...alice, subject: 'bob' };
    const destroyed = await ask.destroy(bob, 'DB', 1, { now: began + 7_000 });
    expect(destroyed).toMatchObject({ destroyedAt: began + 7_000, destroyedBy: 'bob' });
    const items = await openTable(vault).itemsOf(alice.tenant);
    const item = items.find(({ version }) => version?.N === '1');
    const kept = 'pk sk format vault version validFrom validTo createdBy masterKeyId writeId';
    const added = 'state destroyedAt destroyedBy';
    expect(Object.keys(item ?? {}).sort()).toEqual(`${kept} ${added}`.split(' ').sort());
    const [after] = await historyOf(vault.ports, alice, 'DB');
    const { vault: vaultId, validFrom, validTo, createdBy, writeId } = before ?? {};
    expect(after).toMatchObject({ vault: vaultId, validFrom, validTo, createdBy, writeId });
  });

  it('makes reads of the version answer version_destroyed, by number and by instant, and leaves the other versions alone', async () => {
    const alice = await withVersions('a', 'b', 'c', 'd');
    await ask.destroy(alice, 'DB', 2);
    for (const which of [{ version: 2 }, { at: began + 1_000 }, { at: began + 1_999 }]) {
      expect(await codeOf(() => ask.get(alice, 'DB', which))).toBe('version_destroyed');
    }
    for (const [which, text] of [
      ['latest', 'd'],
      [{ version: 1 }, 'a'],
      [{ version: 3 }, 'c'],
      [{ at: began + 999 }, 'a'],
      [{ at: began + 2_000 }, 'c'],
    ] as const) {
      expect((await ask.get(alice, 'DB', which)).text).toBe(text);
    }
    const { versions } = await ask.versions(alice, 'DB', { order: 'asc', includeValues: true });
    const shown = versions.map(({ stored, value }) => [
      stored.state,
      value && String(Buffer.from(value)),
    ]);
    expect(shown).toEqual([
      ['stored', 'a'],
      ['destroyed', undefined],
      ['stored', 'c'],
      ['stored', 'd'],
    ]);
  });

  it('returns the first destruction when repeated', async () => {
    const alice = await withVersions('a', 'b');
    const first = await ask.destroy(alice, 'DB', 1, { now: began + 7_000 });
    const context = requestContext();
    const again = await ask.destroy({ ...alice, subject: 'bob' }, 'DB', 1, { context });
    expect(again).toMatchObject({ destroyedAt: first.destroyedAt, destroyedBy: 'alice' });
    expect(callsOfPort(context.journal.storeCalls)).toEqual(['Get', 'Get']);
    expect(context.journal.decisions).toEqual([]);
  });

  it('gives sixteen concurrent requests the same answer, and only one of them logs the destruction', async () => {
    const alice = await withVersions('a', 'b');
    const stored = await vault.ports.store.for(requestContext(), alice).findVersion('DB', 1);
    // All requests have read the version before one of them destroys it.
    const ports = changedPorts(vault.ports, { store: () => ({ findVersion: async () => stored }) });
    const contexts = Array.from({ length: 16 }, (_, index) =>
      requestContext({ now: began + index }),
    );
    const all = await Promise.all(
      contexts.map((context, index) =>
        vaultOver(ports).destroy({ ...alice, subject: `s${index}` }, 'DB', 1, { context }),
      ),
    );
    expect(new Set(all.map(({ destroyedBy }) => destroyedBy)).size).toBe(1);
    const logged = contexts.filter(({ journal }) => journal.decisions.length > 0);
    expect(logged.map(({ now }) => now)).toEqual([all[0]?.destroyedAt]);
    expect(logged[0]?.journal.decisions).toMatchObject([
      { decision: 'destroyed', about: { name: 'DB', version: 1 } },
    ]);
  });

  it('refuses the current version and deletions, current or not', async () => {
    const alice = await withVersions('a', 'b');
    expect(await codeOf(() => ask.destroy(alice, 'DB', 2))).toBe('version_current');
    await ask.delete(alice, 'DB');
    expect(await codeOf(() => ask.destroy(alice, 'DB', 3))).toBe('not_destroyable');
    await ask.create(alice, 'DB', 'again');
    expect(await codeOf(() => ask.destroy(alice, 'DB', 3))).toBe('not_destroyable');
    expect(await codeOf(() => ask.destroy(alice, 'DB', 4))).toBe('version_current');
    const states = (await historyOf(vault.ports, alice, 'DB')).map(({ state }) => state);
    expect(states).toEqual(['stored', 'stored', 'deleted', 'stored']);
  });

  it('answers not_found for a version above the current one, and for a missing secret', async () => {
    const alice = await withVersions('a', 'b');
    for (const version of [3, 4, 999_999_999]) {
      expect(await codeOf(() => ask.destroy(alice, 'DB', version))).toBe('not_found');
    }
    expect(await codeOf(() => ask.destroy(alice, 'MISSING', 1))).toBe('not_found');
  });

  it('works for every version below a deletion, while the master key is disabled', async () => {
    const alice = await withVersions('a', 'b');
    await ask.delete(alice, 'DB');
    await whileDisabled(vault, async () => {
      for (const version of [1, 2]) await ask.destroy(alice, 'DB', version);
    });
    await ask.create(alice, 'DB', 'again');
    const history = await historyOf(vault.ports, alice, 'DB');
    const states = history.map(({ state }) => state);
    expect(states).toEqual(['destroyed', 'destroyed', 'deleted', 'stored']);
  });

  it.each([
    [
      'the version item but not yet the head',
      async (alice: Principal) => {
        const early = await vault.ports.store.for(requestContext(), alice).findHead('DB');
        return { findHead: async () => early };
      },
    ],
    ['the head but not yet the version item', async () => ({ findVersion: async () => undefined })],
  ])('destroys a version while reads see %s of a running update', async (_, half) => {
    const alice = await withVersions('a');
    const plain = await half(alice);
    await addVersion(vault.ports, alice, 'DB', 'b');
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        ...plain,
        ...('findVersion' in plain && {
          findVersion: async (...asked) =>
            asked.at(-1) === 'settled' ? await store.findVersion(...asked) : undefined,
        }),
      }),
    });
    await vaultOver(ports).destroy(alice, 'DB', 1);
    expect(await codeOf(() => ask.get(alice, 'DB', { version: 1 }))).toBe('version_destroyed');
  });

  it('fails with integrity_failure if the version is gone from the table', async () => {
    const alice = await withVersions('a', 'b', 'c');
    vault.tampered.add(alice.tenant);
    const table = openTable(vault);
    const items = await table.itemsOf(alice.tenant);
    await table.remove(items.find(({ version }) => version?.N === '1') ?? {});
    expect(await codeOf(() => ask.destroy(alice, 'DB', 1))).toBe('integrity_failure');
  });
});

describe('a destroyed version', () => {
  it('causes integrity_failure in reads if its stored end is not the start of the next version', async () => {
    const alice = await withVersions('a', 'b', 'c');
    vault.tampered.add(alice.tenant);
    await ask.destroy(alice, 'DB', 1);
    const table = openTable(vault);
    const items = await table.itemsOf(alice.tenant);
    const first = items.find(({ version }) => version?.N === '1');
    await table.put({ ...first, validTo: { S: new Date(began + 1_001).toISOString() } });
    expect(await codeOf(() => ask.get(alice, 'DB', { version: 1 }))).toBe('integrity_failure');
    expect(await codeOf(() => ask.versions(alice, 'DB'))).toBe('integrity_failure');
  });
});
