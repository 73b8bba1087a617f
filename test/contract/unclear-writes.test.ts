/**
 * When the replies to a write are lost, the vault still reports what really happened. Here other
 * writes come in between; test/proof/store-faults.test.ts puts every fault on every call.
 */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/item-faults.ts';
import { someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret, versionsOf as versionsIn } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const vault = useEmbedded();

/** A vault whose store fails as the script says. */
const behind = (script: fault.Script) =>
  vaultOver({ ...vault.ports, store: storeOver(fault.hostile(vault.itemsOf, script)) });
const versionsOf = (principal: Principal) => versionsIn(vault.ports, principal, 'DB');
const withOne = async () => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['a']);
  return alice;
};

describe('a write whose reply is lost', () => {
  // Shows G6.
  it('is answered as one success, not as a conflict or a replay', async () => {
    const lost = { after: fault.lost };
    for (const replies of [[lost], [lost, { before: fault.lost }], [lost, lost, lost]]) {
      const alice = someone();
      const first = await behind(fault.inTurn('write', replies)).create(alice, 'DB', 'mine');
      const { update, create } = behind(fault.inTurn('write', [...replies]));
      const second = await update(alice, 'DB', 'mine', { ifMatch: [1] });
      expect([first.version.version, second.version.version]).toEqual([1, 2]);
      expect(await versionsOf(alice)).toEqual([1, 2]);
      const bob = someone();
      const keyed = await create(bob, 'DB', 'mine', { key: 'k'.repeat(20) });
      expect([keyed.version.version, keyed.replayed]).toEqual([1, false]);
    }
  });

  it('is answered as a success even after later updates by other requests', async () => {
    const alice = someone();
    const script = fault.inTurn('write', [{ after: fault.lost }]);
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
    const script: fault.Script = (operation) => {
      if (operation !== 'write') return { before: fault.lost };
      puts += 1;
      return puts === 1 ? { after: fault.lost } : undefined;
    };
    const sleep = async () => {
      if (puts === 1) await addVersion(vault.ports, alice, 'DB', 'other');
    };
    const clock = { ...virtualClock(), sleep };
    const created = behind(script).create(alice, 'DB', 'mine', { clock });
    await expect(created).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('is retried as the next version if it had no effect and another update took its number', async () => {
    const alice = await withOne();
    const sleep = async () => {
      if ((await versionsOf(alice)).length === 1) await addVersion(vault.ports, alice, 'DB', 'x');
    };
    const script = fault.inTurn('write', [{ before: fault.lost }]);
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).update(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(3);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });
});

describe('a deletion whose reply is lost', () => {
  it.each([1, 3])('is answered as one success after %i lost replies', async (times) => {
    const alice = await withOne();
    const lost = Array(times).fill({ after: fault.lost });
    const { delete: remove } = behind(fault.inTurn('write', lost));
    expect((await remove(alice, 'DB', { ifMatch: [1] })).version.version).toBe(2);
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('is answered as a success even after the secret was created and deleted again', async () => {
    const alice = await withOne();
    const script = fault.inTurn('write', [{ after: fault.lost }]);
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
    const before = { before: fault.lost };
    const script = fault.inTurn('write', [before, before, before]);
    const removed = behind(script).delete(alice, 'DB', { clock: virtualClock() });
    await expect(removed).rejects.toMatchObject({ code: 'outcome_unknown' });
  });
});

describe('a create of a deleted name whose reply is lost', () => {
  const withDeleted = async () => {
    const alice = await withOne();
    await vaultOver(vault.ports).delete(alice, 'DB');
    return alice;
  };

  it.each([undefined, 'k'.repeat(20)])('is answered as one success, with key %s', async (key) => {
    for (const times of [1, 3]) {
      const alice = await withDeleted();
      const lost = Array(times).fill({ after: fault.lost });
      // The first attempt requires that there is no head, so it fails.
      const { create } = behind(fault.inTurn('write', [undefined, ...lost]));
      const answer = await create(alice, 'DB', 'mine', { key, clock: virtualClock() });
      expect([answer.version.version, answer.replayed]).toEqual([3, false]);
      expect(await versionsOf(alice)).toEqual([1, 2, 3]);
    }
  });

  it('is answered as a success even after another request deleted its version', async () => {
    const alice = await withDeleted();
    const script = fault.inTurn('write', [undefined, { after: fault.lost }]);
    const sleep = async () => {
      if ((await versionsOf(alice)).length === 3) await vaultOver(vault.ports).delete(alice, 'DB');
    };
    const clock = { ...virtualClock(), sleep };
    const { version } = await behind(script).create(alice, 'DB', 'mine', { clock });
    expect(version.version).toBe(3);
    expect(await versionsOf(alice)).toEqual([1, 2, 3, 4]);
  });

  it('is answered as a success if it wrote the first version, which was deleted before the retry', async () => {
    const alice = someone();
    const script = fault.inTurn('write', [{ after: fault.lost }]);
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
    const before = { before: fault.lost };
    const script = fault.inTurn('write', [undefined, before, before, before]);
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

  it('answers with its own destruction', async () => {
    const alice = await withTwo();
    const { destroy } = behind(fault.inTurn('write', [{ after: fault.lost }]));
    const now = 1_750_000_000_000;
    const destroyed = await destroy(alice, 'DB', 1, { now, clock: virtualClock() });
    expect(destroyed).toMatchObject({ destroyedAt: now, destroyedBy: 'alice' });
    expect(await stateOf(alice)).toBe('destroyed');
  });

  it('answers outcome_unknown if every reply is lost, and a repeat finds the version destroyed', async () => {
    const alice = await withTwo();
    const before = { before: fault.lost };
    const script = fault.inTurn('write', [{ after: fault.lost }, before, before]);
    const destroyed = behind(script).destroy(alice, 'DB', 1, { clock: virtualClock() });
    await expect(destroyed).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(await stateOf(alice)).toBe('destroyed');
    const again = await vaultOver(vault.ports).destroy({ ...alice, subject: 'bob' }, 'DB', 1);
    expect(again.destroyedBy).toBe('alice');
  });
});

const { lost, throttled, unavailable } = fault;
/**
 * Each case has a title, the faults that its attempts to write meet (the last one repeats), the
 * code of the refusal, and the numbers of the versions stored in the end.
 */
const cases: readonly (readonly [string, readonly Error[], string, readonly number[]])[] = [
  ['outcome_unknown if an attempt may still take effect', [lost], 'outcome_unknown', []],
  [
    'outcome_unknown if an earlier attempt may still take effect',
    [lost, unavailable],
    'outcome_unknown',
    [],
  ],
  ['secret_exists if another create came first', [lost], 'secret_exists', [1]],
  ['store_unavailable if no attempt was sent', [unavailable], 'store_unavailable', []],
  ['throttled if every attempt was throttled', [throttled], 'throttled', []],
];
describe('a create that never succeeds', () => {
  it.each(cases)('answers %s, within eight seconds', async (_, faults, code, stored) => {
    const alice = stored.length > 0 ? await withOne() : someone();
    const rest = [...faults];
    const script: fault.Script = (operation) => {
      if (operation !== 'write') return undefined;
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
    const script: fault.Script = () => ({ before: lost });
    const created = behind(script).create(someone(), 'DB', 'mine');
    await expect(created).rejects.toMatchObject({ code: 'outcome_unknown' });
  });
});

// Shows G13.
it('a create retries while it is throttled, and succeeds once', async () => {
  const alice = someone();
  const faults = [throttled, throttled, throttled, throttled];
  const script = fault.inTurn(
    'write',
    faults.map((before) => ({ before })),
  );
  const clock = virtualClock();
  expect((await behind(script).create(alice, 'DB', 'mine', { clock })).version.version).toBe(1);
  expect(await versionsOf(alice)).toEqual([1]);
});
