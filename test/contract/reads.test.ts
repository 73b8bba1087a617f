/** Reads of one version, of a history and of names. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { HeadDetails, Principal } from '../../functions/model/types.ts';
import type { ListSecrets } from '../../functions/vault/list-secrets.ts';
import type { ListVersions } from '../../functions/vault/list-versions.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
/** A new caller with the secret `DB`, whose versions are one second apart. */
const withVersions = async (...values: (string | Uint8Array)[]): Promise<Principal> => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', values, began);
  return alice;
};
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a version', () => {
  it('is read as the latest or by number, with the interval in which it was valid', async () => {
    const alice = await withVersions('a', 'b', 'c');
    for (const [which, text, version, validTo] of [
      ['latest', 'c', 3, undefined],
      [{ version: 3 }, 'c', 3, undefined],
      [{ version: 2 }, 'b', 2, began + 2_000],
      [{ version: 1 }, 'a', 1, began + 1_000],
    ] as const) {
      const found = await ask.get(alice, 'DB', which);
      expect(found).toMatchObject({ text, stored: { version, validTo } });
      expect(found.stored.validFrom).toBe(began + (version - 1) * 1_000);
    }
    const above = ask.get(alice, 'DB', { version: 4 });
    await expect(above).rejects.toMatchObject({ code: 'not_found' });
  });

  // Shows G4.
  it('is read as of an instant if it was valid then: from validFrom until before validTo', async () => {
    const values = numbers(1, 21).map((version) => `v${version}`);
    const alice = await withVersions(...values);
    for (const [index, value] of values.entries()) {
      const from = began + index * 1000;
      expect((await ask.get(alice, 'DB', { at: from })).text).toBe(value);
      expect((await ask.get(alice, 'DB', { at: from + 999 })).text).toBe(value);
    }
    const before = ask.get(alice, 'DB', { at: began - 1 });
    await expect(before).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is returned with every byte of its value unchanged', async () => {
    const value = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 7) % 256);
    const alice = await withVersions('', value);
    expect(Buffer.compare((await ask.get(alice, 'DB')).value, value)).toBe(0);
    expect((await ask.get(alice, 'DB', { version: 1 })).value).toHaveLength(0);
  });

  it('ends where its own item says, even if the head still shows it as the current version', async () => {
    const alice = await withVersions('a');
    const early = await vault.ports.store.for(requestContext(), alice).findHead('DB');
    await addVersion(vault.ports, alice, 'DB', 'b', began + 1000);
    // The update is still running: a plain read of the head does not show it yet.
    const racing = changedPorts(vault.ports, { store: () => ({ findHead: async () => early }) });
    const { stored } = await vaultOver(racing).get(alice, 'DB', { version: 1 });
    expect(stored.validTo).toBe(began + 1000);
  });

  it('is read a second time if the first read misses it although a newer version is current', async () => {
    const alice = await withVersions('a', 'b', 'c');
    // Simulates an update that is still running: only the second, settled read finds the item.
    const racing = changedPorts(vault.ports, {
      store: (store) => ({
        findVersion: async (...asked) =>
          asked.at(-1) === 'settled' ? await store.findVersion(...asked) : undefined,
      }),
    });
    const { stored } = await vaultOver(racing).get(alice, 'DB', { version: 1 });
    expect([stored.version, stored.validTo]).toEqual([1, began + 1000]);
  });
});

describe('a history', () => {
  const seven = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const versionsOf = async (alice: Principal, page: Partial<ListVersions>) => {
    const { versions, next } = await ask.versions(alice, 'DB', page);
    return { versions: versions.map(({ stored }) => stored.version), next };
  };

  // Shows G4.
  it('has every version once, newest first, without gaps between their intervals', async () => {
    const alice = await withVersions(...seven);
    const { versions, next } = await ask.versions(alice, 'DB');
    expect(next).toBeUndefined();
    expect(
      versions.map(({ stored }) => [stored.version, stored.validFrom, stored.validTo]),
    ).toEqual(
      numbers(1, 7)
        .reverse()
        .map((version) => [
          version,
          began + (version - 1) * 1000,
          version === 7 ? undefined : began + version * 1000,
        ]),
    );
  });

  it('has all versions in both orders for any page size', async () => {
    const alice = await withVersions(...seven);
    for (const limit of [1, 2, 3, 4, 6, 7, 8]) {
      for (const order of ['asc', 'desc'] as const) {
        const found: number[] = [];
        let after: number | undefined;
        do {
          const page = await versionsOf(alice, { order, limit, after });
          expect(page.versions.length).toBeLessThanOrEqual(limit);
          found.push(...page.versions);
          after = page.next;
        } while (after !== undefined && found.length < 20);
        expect(order === 'asc' ? found : found.reverse()).toEqual(numbers(1, 7));
      }
    }
  });

  it('is read newest first with one version more at each end of a page', async () => {
    const alice = await withVersions(...seven);
    const ranges: number[][] = [];
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        listVersions: (name, range) => {
          ranges.push(numbers(range.above + 1, range.below - 1));
          return store.listVersions(name, range);
        },
      }),
    });
    const page = { limit: 2, order: 'desc' } as const;
    const { next: after } = await vaultOver(ports).versions(alice, 'DB', page);
    await vaultOver(ports).versions(alice, 'DB', { ...page, after });
    expect(ranges).toEqual([
      [5, 6],
      [3, 4, 5, 6],
    ]);
  });

  it('continues at its cursor after a new version was written between two pages', async () => {
    const alice = await withVersions('a', 'b', 'c', 'd');
    const { next: after } = await versionsOf(alice, { limit: 2 });
    await addVersion(vault.ports, alice, 'DB', 'e');
    expect(await versionsOf(alice, { limit: 2, after })).toMatchObject({ versions: [2, 1] });
  });

  it('has values only when asked for', async () => {
    const alice = await withVersions('a', 'b', 'c');
    const valuesOf = async (includeValues: boolean) =>
      (await ask.versions(alice, 'DB', { includeValues })).versions.map(({ value }) =>
        value === undefined ? undefined : Buffer.from(value).toString(),
      );
    expect(await valuesOf(true)).toEqual(['c', 'b', 'a']);
    expect(await valuesOf(false)).toEqual([undefined, undefined, undefined]);
  });

  it('has an empty page for a cursor beyond either end', async () => {
    const alice = await withVersions('a', 'b');
    expect(await ask.versions(alice, 'DB', { order: 'asc', after: 9 })).toEqual({ versions: [] });
    expect(await ask.versions(alice, 'DB', { order: 'desc', after: 1 })).toEqual({ versions: [] });
  });
});

describe('a list of names', () => {
  const alice = someone();
  const all = ['A', 'AB', 'ABC', 'B', 'B.C', 'B_C', 'a', 'billing.key', 'billing.url', 'z'];
  beforeAll(async () => {
    for (const name of all.toReversed()) await makeSecret(vault.ports, alice, name, ['x', 'y']);
    await makeSecret(vault.ports, someone(), 'FOREIGN', ['x']);
  });

  const listAll = async (names: string[] | undefined, prefix: string, limit: number) => {
    const found: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ask.names({ ...alice, names }, { prefix, after, limit });
      expect(page.names.length).toBeLessThanOrEqual(limit);
      found.push(...page.names);
      if (page.next === undefined) return found;
      after = page.next;
    }
  };

  it.each<[string[] | undefined, string, string[]]>([
    [undefined, '', all],
    [undefined, 'B', ['B', 'B.C', 'B_C']],
    [[], '', []],
    [['AB'], '', ['AB']],
    [['A*'], '', ['A', 'AB', 'ABC']],
    [['A*', 'AB', 'AB*', 'z', 'NOWHERE'], '', ['A', 'AB', 'ABC', 'z']],
    [['billing.*', 'B'], '', ['B', 'billing.key', 'billing.url']],
    [['*', 'A'], '', all],
    [['A*', 'billing.*'], 'AB', ['AB', 'ABC']],
  ])(
    'for a token with the names %j and the prefix %j has exactly %j, in pages of any size',
    async (names, prefix, expected) => {
      for (const limit of [1, 2, 3, 9, 10, 11, 100]) {
        expect(await listAll(names, prefix, limit)).toEqual(expected.toSorted());
      }
    },
  );

  it('reads nothing if the token allows no name with the prefix', async () => {
    const context = requestContext();
    await ask.names({ ...alice, names: ['A*'] }, { prefix: 'B' }, { context });
    expect(context.journal.storeCalls).toEqual([]);
  });
});

describe('a list of names by state', () => {
  const alice = someone();
  const stored = ['A', 'B.C', 'again', 'z'];
  const deleted = ['AB', 'B', 'B_C', 'billing.key'];
  beforeAll(async () => {
    for (const name of [...stored, ...deleted]) {
      await makeSecret(vault.ports, alice, name, ['x', 'y'], began);
    }
    for (const name of [...deleted, 'again']) {
      await ask.delete(alice, name, { now: began + 5_000, note: `no ${name}` });
    }
    await ask.create(alice, 'again', 'x', { now: began + 6_000, note: 'back' });
    const bob = someone();
    await makeSecret(vault.ports, bob, 'FOREIGN', ['x']);
    await ask.delete(bob, 'FOREIGN');
  });

  const listAll = async (range: Partial<ListSecrets>, names?: readonly string[]) => {
    const found: string[] = [];
    const details: HeadDetails[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ask.names({ ...alice, names }, { ...range, after });
      found.push(...page.names);
      details.push(...(page.details ?? []));
      if (page.next === undefined) return { found, details };
      after = page.next;
    }
  };

  it.each<[string[] | undefined, string, string[], string[]]>([
    [undefined, '', stored, deleted],
    [undefined, 'B', ['B.C'], ['B', 'B_C']],
    [[], '', [], []],
    [['A*', 'z', 'B'], '', ['A', 'z'], ['AB', 'B']],
    [['again', 'billing.*'], '', ['again'], ['billing.key']],
  ])(
    'for a token with the names %j and the prefix %j has the stored %j and the deleted %j',
    async (names, prefix, expectedStored, expectedDeleted) => {
      for (const limit of [1, 3, 100]) {
        for (const [state, expected] of [
          ['stored', expectedStored],
          ['deleted', expectedDeleted],
        ] as const) {
          const { found } = await listAll({ state, prefix, limit }, names);
          expect(found).toEqual(expected.toSorted());
        }
      }
    },
  );

  it('shows details of the current versions if the caller asks for them', async () => {
    for (const limit of [1, 3, 50]) {
      const { details } = await listAll({ includeDetails: true, limit });
      expect(details).toEqual(
        stored.toSorted().map((name) => ({
          name,
          state: 'stored',
          version: name === 'again' ? 4 : 2,
          validFrom: name === 'again' ? began + 6_000 : began + 1_000,
          writeId: expect.any(String),
          createdBy: 'alice',
          note: name === 'again' ? 'back' : undefined,
        })),
      );
      const { details: gone } = await listAll({ state: 'deleted', includeDetails: true, limit });
      expect(gone).toEqual(
        deleted.toSorted().map((name) => ({
          name,
          state: 'deleted',
          version: 3,
          validFrom: began + 5_000,
          writeId: expect.any(String),
          createdBy: 'alice',
          note: `no ${name}`,
        })),
      );
    }
  });

  it('with details, leaves out a name that the index lists under an old state, and goes on after it', async () => {
    // The index lags: it still lists deleted secrets, and names that no longer belong in it.
    const names = ['A', 'AB', 'GONE'];
    const ports = changedPorts(vault.ports, {
      store: () => ({ listNames: async () => ({ names, more: true }) }),
    });
    const page = async (state: 'stored' | 'deleted') =>
      await vaultOver(ports).names(alice, { state, includeDetails: true });
    expect(await page('stored')).toMatchObject({ names: ['A'], next: 'GONE' });
    expect(await page('deleted')).toMatchObject({ names: ['AB'], next: 'GONE' });
  });
});
