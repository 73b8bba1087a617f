/**
 * The vault reports the true outcome of a write whose replies are lost; on the embedded store behind a faulty
 * connection. test/proof/store-faults.test.ts gives every call every fault; here others write meanwhile.
 */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/faults.ts';
import { someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const vault = useEmbedded();

/** The vault, with a script of faults between it and its store. */
const behind = (script: fault.Script) =>
  vaultOver({ ...vault.ports, store: storeOver(fault.hostile(vault.dynamodb, script)) });
const versionsOf = async (principal: Principal) =>
  (await historyOf(vault.ports, principal, 'DB').catch(() => [])).map(({ version }) => version);
const withOne = async () => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['a']);
  return alice;
};

describe('a write whose reply is lost', () => {
  // Shows G6.
  it.each([
    ['a reset connection', fault.connectionReset],
    ['a server error', fault.serverError],
    ['a transaction in progress', fault.inProgress],
    ['a reply that is cut off', fault.cutOff],
    ['a reply that is not DynamoDB’s', fault.foreign],
  ])('counts as one success, not as a conflict or a replay: %s', async (_, error) => {
    const lost = { after: error };
    for (const replies of [[lost], [lost, { before: error }], [lost, lost, lost]]) {
      const alice = someone();
      const first = await behind(fault.inTurn('PutItem', replies)).create(alice, 'DB', 'mine');
      const { update, create } = behind(fault.inTurn('TransactWriteItems', [...replies]));
      const second = await update(alice, 'DB', 'mine', { ifMatch: [1] });
      expect([first.version.version, second.version.version]).toEqual([1, 2]);
      expect(await versionsOf(alice)).toEqual([1, 2]);
      const bob = someone();
      const keyed = await create(bob, 'DB', 'mine', { key: 'k'.repeat(20) });
      expect([keyed.version.version, keyed.replayed]).toEqual([1, false]);
    }
  });

  it('is recognised after later updates by others', async () => {
    const alice = someone();
    const script = fault.inTurn('PutItem', [{ after: fault.timedOut }]);
    const sleep = async () => {
      await addVersion(vault.ports, alice, 'DB', 'other');
      await addVersion(vault.ports, alice, 'DB', 'another');
    };
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).create(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(1);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });

  it('ends in outcome_unknown if the conflicting item may be its own and cannot be read', async () => {
    const alice = someone();
    let puts = 0;
    const script: fault.Script = (command) => {
      if (command !== 'PutItem') return { before: fault.serverError };
      puts += 1;
      return puts === 1 ? { after: fault.timedOut } : undefined;
    };
    const sleep = async () => {
      if (puts === 1) await addVersion(vault.ports, alice, 'DB', 'other');
    };
    const clock = { ...virtualClock(), sleep };
    const created = behind(script).create(alice, 'DB', 'mine', { clock });
    await expect(created).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('keeps the version that another update wrote meanwhile, and an update writes the next one', async () => {
    const alice = await withOne();
    const sleep = async () => {
      if ((await versionsOf(alice)).length === 1) await addVersion(vault.ports, alice, 'DB', 'x');
    };
    const script = fault.inTurn('TransactWriteItems', [{ before: fault.timedOut }]);
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).update(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(3);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });
});

describe('a deletion whose reply is lost', () => {
  it.each([1, 3])('counts as one success after %i lost replies', async (times) => {
    const alice = await withOne();
    const lost = Array(times).fill({ after: fault.timedOut });
    const { delete: remove } = behind(fault.inTurn('TransactWriteItems', lost));
    expect((await remove(alice, 'DB', { ifMatch: [1] })).version.version).toBe(2);
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('counts as written after the secret was created and deleted again', async () => {
    const alice = await withOne();
    const script = fault.inTurn('TransactWriteItems', [{ after: fault.timedOut }]);
    const sleep = async () => {
      const { create, delete: remove } = vaultOver(vault.ports);
      await create(alice, 'DB', 'other');
      await remove(alice, 'DB');
    };
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).delete(alice, 'DB', { clock });
    expect(version.version).toBe(2);
    expect(await versionsOf(alice)).toEqual([1, 2, 3, 4]);
  });

  it('answers outcome_unknown if it may still take effect', async () => {
    const alice = await withOne();
    const before = { before: fault.timedOut };
    const script = fault.inTurn('TransactWriteItems', [before, before, before]);
    const removed = behind(script).delete(alice, 'DB', { clock: virtualClock() });
    await expect(removed).rejects.toMatchObject({ code: 'outcome_unknown' });
  });
});

describe('a create over a deletion whose reply is lost', () => {
  const withDeleted = async () => {
    const alice = await withOne();
    await vaultOver(vault.ports).delete(alice, 'DB');
    return alice;
  };

  it.each([undefined, 'k'.repeat(20)])('counts as one success, with the key %s', async (key) => {
    for (const times of [1, 3]) {
      const alice = await withDeleted();
      const lost = Array(times).fill({ after: fault.timedOut });
      // A create with a key makes its first attempt in a transaction too, and that one is refused.
      const replies = key === undefined ? lost : [undefined, ...lost];
      const { create } = behind(fault.inTurn('TransactWriteItems', replies));
      const answer = await create(alice, 'DB', 'mine', { key, clock: virtualClock() });
      expect([answer.version.version, answer.replayed]).toEqual([3, false]);
      expect(await versionsOf(alice)).toEqual([1, 2, 3]);
    }
  });

  it('counts as written after its version was deleted by another', async () => {
    const alice = await withDeleted();
    const script = fault.inTurn('TransactWriteItems', [{ after: fault.timedOut }]);
    const sleep = async () => {
      if ((await versionsOf(alice)).length === 3) await vaultOver(vault.ports).delete(alice, 'DB');
    };
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).create(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(3);
    expect(await versionsOf(alice)).toEqual([1, 2, 3, 4]);
  });

  it('counts as one success if it made the first version, which was deleted meanwhile', async () => {
    const alice = someone();
    const script = fault.inTurn('PutItem', [{ after: fault.timedOut }]);
    const sleep = async () => {
      if ((await versionsOf(alice)).length === 1) await vaultOver(vault.ports).delete(alice, 'DB');
    };
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).create(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(1);
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('answers outcome_unknown if it may still take effect', async () => {
    const alice = await withDeleted();
    const before = { before: fault.timedOut };
    const script = fault.inTurn('TransactWriteItems', [before, before, before]);
    const created = behind(script).create(alice, 'DB', 'mine', { clock: virtualClock() });
    await expect(created).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });
});

describe('a destruction whose reply is lost', () => {
  const withTwo = async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b']);
    return alice;
  };
  const stateOf = async (alice: Principal) =>
    (await historyOf(vault.ports, alice, 'DB')).map(({ state }) => state)[0];

  it.each([
    fault.connectionReset,
    fault.serverError,
    fault.inProgress,
    fault.cutOff,
    fault.foreign,
  ])('answers with its own destruction: $name', async (error) => {
    const alice = await withTwo();
    const { destroy } = behind(fault.inTurn('PutItem', [{ after: error }]));
    const now = 1_750_000_000_000;
    const destroyed = await destroy(alice, 'DB', 1, { now, clock: virtualClock() });
    expect(destroyed).toMatchObject({ destroyedAt: now, destroyedBy: 'alice' });
    expect(await stateOf(alice)).toBe('destroyed');
  });

  it('answers outcome_unknown if every reply is lost, and its repetition finds it done', async () => {
    const alice = await withTwo();
    const before = { before: fault.serverError };
    const script = fault.inTurn('PutItem', [{ after: fault.timedOut }, before, before]);
    const destroyed = behind(script).destroy(alice, 'DB', 1, { clock: virtualClock() });
    await expect(destroyed).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(await stateOf(alice)).toBe('destroyed');
    const again = await vaultOver(vault.ports).destroy({ ...alice, subject: 'bob' }, 'DB', 1);
    expect(again.destroyedBy).toBe('alice');
  });
});

const { connectionRefused, denied, serverError, throttled, timedOut } = fault;
/** The faults of the attempts, of which the last repeats, and the stored versions. */
const cases: readonly (readonly [string, readonly Error[], string, readonly number[]])[] = [
  ['outcome_unknown if an attempt may still take effect', [timedOut], 'outcome_unknown', []],
  ['outcome_unknown if an earlier one may', [timedOut, connectionRefused], 'outcome_unknown', []],
  ['secret_exists if another create came first', [timedOut], 'secret_exists', [1]],
  ['store_unavailable if no attempt was connected', [connectionRefused], 'store_unavailable', []],
  ['store_unavailable if every attempt was denied', [denied], 'store_unavailable', []],
  ['throttled if every attempt was throttled', [throttled], 'throttled', []],
];
describe('a create that never succeeds', () => {
  it.each(cases)('answers %s, within eight seconds', async (_, faults, code, stored) => {
    const alice = stored.length > 0 ? await withOne() : someone();
    const rest = [...faults];
    const script: fault.Script = (command) => {
      if (command !== 'PutItem') return undefined;
      const before = rest.length > 1 ? rest.shift() : rest[0];
      return before && { before };
    };
    const clock = virtualClock();
    const created = behind(script).create(alice, 'DB', 'mine', { clock });
    await expect(created).rejects.toMatchObject({ code });
    expect(await versionsOf(alice)).toEqual(stored);
    expect(clock.elapsed()).toBeLessThan(8_000);
  });

  it('answers outcome_unknown if it cannot read the stored item either', async () => {
    const script: fault.Script = () => ({ before: serverError });
    const created = behind(script).create(someone(), 'DB', 'mine');
    await expect(created).rejects.toMatchObject({ code: 'outcome_unknown' });
  });
});

// Shows G13.
it('a create retries while it is throttled or in conflict, and succeeds once', async () => {
  const alice = someone();
  const faults = [throttled, fault.conflicted, throttled, throttled];
  const script = fault.inTurn(
    'PutItem',
    faults.map((before) => ({ before })),
  );
  const clock = virtualClock();
  expect((await behind(script).create(alice, 'DB', 'mine', { clock })).version.version).toBe(1);
  expect(await versionsOf(alice)).toEqual([1]);
});
