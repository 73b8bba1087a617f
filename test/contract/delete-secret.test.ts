/** Deletions, and creates of names that were deleted. */
import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { SingleWrite } from '../../functions/vault/single-write.ts';
import { beforeWrites, changedPorts } from '../support/changed-ports.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled, withoutRecords } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
const key = 'k'.repeat(20);
/** A new caller with the secret `DB`, whose versions are one second apart. */
const withVersions = async (...values: string[]): Promise<Principal> => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', values, began);
  return alice;
};
/** A new caller with the secret `DB`, whose second version is a deletion. */
const withDeleted = async (): Promise<Principal> => {
  const alice = await withVersions('first');
  await ask.delete(alice, 'DB', { now: began + 1_000 });
  return alice;
};
/** Returns the answer that a repeat of this keyed request must get. */
const replayOf = ({
  version: { name, version, validFrom, writeId },
}: SingleWrite): SingleWrite => ({
  version: { name, version, validFrom, writeId },
  replayed: true,
});
/** Returns the number and the state of each version of `DB`, for example `3 stored`. */
const statesOf = async (principal: Principal) =>
  (await historyOf(vault.ports, principal, 'DB')).map(
    ({ version, state }) => `${version} ${state}`,
  );
const sixteen = Array.from({ length: 16 }, (_, index) => index);
/**
 * Sends requests at the same time. Returns what became of each: the number of the version it wrote,
 * or its error code.
 */
const race = async (
  requests: readonly (() => Promise<{ readonly version: { readonly version: number } }>)[],
): Promise<(number | string)[]> => {
  const results = await Promise.allSettled(requests.map((send) => send()));
  return results.map((each) =>
    each.status === 'fulfilled' ? each.value.version.version : each.reason.code,
  );
};

describe('delete-secret', () => {
  it('writes a version without a value, and ends the version before it at the same instant', async () => {
    const alice = await withVersions('a', 'b');
    const bob = { ...alice, subject: 'bob' };
    const deleted = await ask.delete(bob, 'DB', { now: began + 5_000, note: 'moved' });
    expect(deleted).toMatchObject({
      version: { name: 'DB', version: 3, validFrom: began + 5_000 },
      replayed: false,
    });
    const [, before, deletion] = await historyOf(vault.ports, alice, 'DB');
    expect(before).toMatchObject({ version: 2, state: 'stored', validTo: began + 5_000 });
    expect(deletion).toMatchObject({ createdBy: 'bob', note: 'moved', validTo: undefined });
    expect(Object.keys(deletion ?? {})).not.toContain('ciphertext');
  });

  // Shows G4.
  it('keeps the earlier versions, and reads answer not_found from the deletion on', async () => {
    const alice = await withVersions('a', 'b');
    const [first] = await historyOf(vault.ports, alice, 'DB');
    await ask.delete(alice, 'DB', { now: began + 5_000 });
    for (const [which, text] of [
      [{ version: 1 }, 'a'],
      [{ version: 2 }, 'b'],
      [{ at: began }, 'a'],
      [{ at: began + 4_999 }, 'b'],
    ] as const) {
      expect((await ask.get(alice, 'DB', which)).text).toBe(text);
    }
    for (const which of [
      'latest',
      { version: 3 },
      { at: began + 5_000 },
      { version: 4 },
    ] as const) {
      expect(await codeOf(() => ask.get(alice, 'DB', which))).toBe('not_found');
    }
    expect((await historyOf(vault.ports, alice, 'DB'))[0]).toEqual(first);
  });

  it('writes a deletion that begins 1 ms after the version before it if the clock goes back', async () => {
    const alice = await withVersions('a');
    const { version } = await ask.delete(alice, 'DB', { now: began - 1_000_000 });
    expect(version.validFrom).toBe(began + 1);
  });

  it('answers not_found for a deleted secret, whatever If-Match says', async () => {
    const alice = await withDeleted();
    for (const ifMatch of [undefined, '*', [1], [2], [9]] as const) {
      expect(await codeOf(() => ask.delete(alice, 'DB', { ifMatch }))).toBe('not_found');
      expect(await codeOf(() => ask.update(alice, 'DB', 'x', { ifMatch }))).toBe('not_found');
    }
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted']);
  });

  it('deletes only a version that If-Match names', async () => {
    const alice = await withVersions('a', 'b');
    const conflict = { code: 'version_conflict', properties: { currentVersion: 2 } };
    for (const ifMatch of [[1], [3], []]) {
      await expect(ask.delete(alice, 'DB', { ifMatch })).rejects.toMatchObject(conflict);
    }
    expect((await ask.delete(alice, 'DB', { ifMatch: [2, 7] })).version.version).toBe(3);
  });

  // Shows G1.
  it('succeeds for exactly one of sixteen concurrent deletions, and the others answer not_found', async () => {
    const alice = await withVersions('a');
    const outcomes = await race(sixteen.map(() => () => ask.delete(alice, 'DB')));
    expect(outcomes.filter((outcome) => outcome !== 'not_found')).toEqual([2]);
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted']);
  });

  it('deletes the version of an update that it lost a race to', async () => {
    const alice = await withVersions('a');
    const { ports } = beforeWrites(vault.ports, async (turn) => {
      if (turn === 1) await addVersion(vault.ports, alice, 'DB', 'b');
    });
    const context = requestContext();
    const { version } = await vaultOver(ports).delete(alice, 'DB', { context });
    expect(version.version).toBe(3);
    const decisions = context.journal.decisions.map(({ decision }) => decision);
    expect(decisions).toEqual(['lost_race', 'deleted']);
    expect(await statesOf(alice)).toEqual(['1 stored', '2 stored', '3 deleted']);
  });

  // Shows G9.
  it('reports why the secret cannot be read rather than why the idempotency record cannot, whichever read fails first', async () => {
    const fails = async (code: 'throttled' | 'store_unavailable', turns: number) => {
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      throw new ApiError(code, '');
    };
    for (const turnsOfHead of [0, 9]) {
      const ports = changedPorts(vault.ports, {
        store: () => ({
          findHead: () => fails('throttled', turnsOfHead),
          findRecord: () => fails('store_unavailable', 4),
        }),
      });
      const remove = () => vaultOver(ports).delete(someone(), 'DB', { key });
      expect(await codeOf(remove)).toBe('throttled');
    }
  });

  it('works while the master key is disabled', async () => {
    const alice = await withVersions('a');
    await whileDisabled(vault, async () => {
      expect((await ask.delete(alice, 'DB')).version.version).toBe(2);
      expect(await codeOf(() => ask.get(alice, 'DB'))).toBe('not_found');
      // The name is free, so the create gets as far as the master key.
      expect(await codeOf(() => ask.create(alice, 'DB', 'x'))).toBe('master_key_unavailable');
    });
  });
});

describe('a keyed deletion', () => {
  // Shows G6.
  it('takes effect once if it is sent sixteen times at once, and each request gets the same answer', async () => {
    const alice = await withVersions('a');
    const outcomes = await race(sixteen.map(() => () => ask.delete(alice, 'DB', { key })));
    expect(outcomes).toEqual(sixteen.map(() => 2));
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted']);
  });

  // Shows G6.
  it('takes no effect when it is repeated after the secret was created again', async () => {
    const alice = await withVersions('a');
    const first = await ask.delete(alice, 'DB', { key });
    await ask.create(alice, 'DB', 'again');
    for (const ports of [vault.ports, withoutRecords(vault.ports)]) {
      const again = await vaultOver(ports).delete(alice, 'DB', { key });
      expect(again).toEqual(replayOf(first));
    }
    expect((await ask.get(alice, 'DB')).text).toBe('again');
  });

  it('answers idempotency_key_reused if its key was used for an update', async () => {
    const alice = await withVersions('a');
    await ask.update(alice, 'DB', 'b', { key });
    expect(await codeOf(() => ask.delete(alice, 'DB', { key }))).toBe('idempotency_key_reused');
    expect(await statesOf(alice)).toEqual(['1 stored', '2 stored']);
  });
});

describe('a create over a deletion', () => {
  // Shows G1, G4.
  it('writes the version after the deletion, and keeps the whole history', async () => {
    const alice = await withDeleted();
    const context = requestContext({ now: began + 9_000 });
    const again = await ask.create(alice, 'DB', 'again', { context, note: 'back' });
    expect(again).toMatchObject({ version: { version: 3, validFrom: began + 9_000 } });
    expect(context.journal.decisions).toMatchObject([{ decision: 'created' }]);
    expect(await historyOf(vault.ports, alice, 'DB')).toMatchObject([
      { version: 1, state: 'stored', validTo: began + 1_000 },
      { version: 2, state: 'deleted', validFrom: began + 1_000, validTo: began + 9_000 },
      { version: 3, state: 'stored', note: 'back', validTo: undefined },
    ]);
    expect((await ask.get(alice, 'DB')).text).toBe('again');
    expect(await codeOf(() => ask.get(alice, 'DB', { version: 2 }))).toBe('not_found');
    expect(await codeOf(() => ask.get(alice, 'DB', { at: began + 8_999 }))).toBe('not_found');
    expect((await ask.get(alice, 'DB', { at: began + 999 })).text).toBe('first');
    expect(await codeOf(() => ask.create(alice, 'DB', 'x'))).toBe('secret_exists');
  });

  // Shows G1.
  it('succeeds for one of sixteen concurrent creates', async () => {
    const alice = await withDeleted();
    const outcomes = await race(sixteen.map((index) => () => ask.create(alice, 'DB', `v${index}`)));
    expect(outcomes.filter((outcome) => outcome !== 'secret_exists')).toEqual([3]);
    expect((await ask.get(alice, 'DB')).text).toBe(`v${outcomes.indexOf(3)}`);
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted', '3 stored']);
  });

  it('replaces a newer deletion that was stored before its write', async () => {
    const alice = await withDeleted();
    const { ports } = beforeWrites(vault.ports, async (turn) => {
      // By then the first attempt has failed on the first deletion.
      if (turn !== 2) return;
      await ask.create(alice, 'DB', 'of another');
      await ask.delete(alice, 'DB');
    });
    const context = requestContext();
    const { version } = await vaultOver(ports).create(alice, 'DB', 'mine', { context });
    expect(version.version).toBe(5);
    expect(context.journal.attempts()).toBe(3);
    expect((await ask.get(alice, 'DB')).text).toBe('mine');
  });

  it('returns the first answer when repeated with its key, even after the secret was deleted again', async () => {
    const alice = await withDeleted();
    const first = await ask.create(alice, 'DB', 'again', { key });
    expect(first).toMatchObject({ version: { version: 3 }, replayed: false });
    await ask.delete(alice, 'DB');
    for (const ports of [vault.ports, withoutRecords(vault.ports)]) {
      const again = await vaultOver(ports).create(alice, 'DB', 'again', { key });
      expect(again).toEqual(replayOf(first));
    }
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted', '3 stored', '4 deleted']);
  });

  // Shows G6.
  it('takes effect once if sixteen with the same key run at once', async () => {
    const alice = await withDeleted();
    const creates = sixteen.map(() => () => ask.create(alice, 'DB', 'again', { key }));
    expect(await race(creates)).toEqual(sixteen.map(() => 3));
    expect(await statesOf(alice)).toEqual(['1 stored', '2 deleted', '3 stored']);
  });
});

// Shows G1, G3.
it('racing creates, updates and deletions make one history without gaps, in which each successful one has its own version', async () => {
  const alice = await withDeleted();
  const written: (number | string)[] = [];
  for (let round = 0; round < 4; round += 1) {
    const outcomes = await race(
      sixteen.map((index) => () => {
        if (index % 3 === 0) return ask.create(alice, 'DB', `value ${index}`);
        return index % 3 === 1
          ? ask.update(alice, 'DB', `value ${index}`)
          : ask.delete(alice, 'DB');
      }),
    );
    written.push(...outcomes.filter((outcome) => typeof outcome === 'number'));
    const codes = new Set(outcomes.filter((outcome) => typeof outcome === 'string'));
    expect(['secret_exists', 'not_found']).toEqual(expect.arrayContaining([...codes]));
  }
  const history = await historyOf(vault.ports, alice, 'DB');
  const numbers = history.map(({ version }) => version);
  expect(numbers).toEqual(Array.from({ length: history.length }, (_, index) => index + 1));
  expect([1, 2, ...written].sort((a, b) => Number(a) - Number(b))).toEqual(numbers);
  for (const [index, { state }] of history.entries()) {
    // A deletion follows a value; after a deletion only a create can come.
    if (state === 'deleted') expect(history[index - 1]?.state).toBe('stored');
  }
});
