import { describe, expect, it } from '@jest/globals';
import { VaultError } from '../../../functions/model/errors.ts';
import type { SealedVersion, StoredVersion } from '../../../functions/model/types.ts';
import type { Store, Write, WriteOutcome } from '../../../functions/vault/ports.ts';
import type { RequestVault } from '../../../functions/vault/request.ts';
import { outOfTime, startBackoff, writeUntilClear } from '../../../functions/vault/retries.ts';
import { codeOf, refusalOf } from '../../support/refusals.ts';
import { requestContext } from '../../support/requests.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

const version = { name: 'DB_PASSWORD', version: 1 } as SealedVersion;
const create: Write = { creates: [version], unchanged: [] };
const update: Write = {
  creates: [],
  update: { base: version as StoredVersion, next: { ...version, version: 2 } },
  unchanged: [],
};

const written: WriteOutcome = { outcome: 'written' };
const exists: WriteOutcome = { outcome: 'exists' };
const raced: WriteOutcome = { outcome: 'raced' };
const replayed = { outcome: 'replayed', record: {} } as WriteOutcome;
const unclear: WriteOutcome = { outcome: 'unclear' };
const throttled: WriteOutcome = { outcome: 'refused', reason: 'throttled' };
const unavailable: WriteOutcome = { outcome: 'refused', reason: 'unavailable' };

type Script = {
  /** The outcomes of the attempts. The last outcome repeats. */
  readonly writes: readonly (WriteOutcome | Error)[];
  /** The result of the look-up, or the error that it throws. */
  readonly seen?: WriteOutcome | Error;
  readonly write?: Write;
  /** The duration of each attempt. */
  readonly tryMs?: number;
  readonly beganMs?: number;
  readonly random?: () => number;
};

/** Writes to a store that answers by a script, and records the calls to it. */
const scripted = ({ writes, seen, write = create, tryMs = 0, ...options }: Script) => {
  const clock = virtualClock(options.random);
  const context = requestContext({ clock });
  clock.advance(options.beganMs ?? 0);
  const rest = [...writes];
  const triedAt: number[] = [];
  let lookUps = 0;
  const store = {
    write: async (asked: unknown) => {
      expect(asked).toBe(write);
      triedAt.push(clock.elapsed());
      clock.advance(tryMs);
      const next = rest.length > 1 ? rest.shift() : rest[0];
      if (next instanceof Error) throw next;
      return next;
    },
    lookUp: async (asked: unknown) => {
      expect(asked).toBe(write);
      lookUps += 1;
      if (seen instanceof Error) throw seen;
      return seen ?? unclear;
    },
  } as unknown as Store;
  const vault = { ...context, store } as unknown as RequestVault;
  const run = () => writeUntilClear(vault, write, startBackoff(context));
  const decisions = () => context.journal.decisions.map(({ decision }) => decision);
  return { run, clock, context, triedAt, decisions, lookUps: () => lookUps };
};

describe('a write', () => {
  it.each([written, exists, raced, replayed])(
    'returns a clear outcome after one attempt: $outcome',
    async (outcome) => {
      const { run, triedAt, lookUps, context, clock } = scripted({ writes: [outcome] });
      expect(await run()).toBe(outcome);
      expect([triedAt.length, lookUps(), context.journal.attempts()]).toEqual([1, 0, 1]);
      expect(clock.sleeps).toEqual([]);
      expect(context.journal.decisions).toEqual([]);
    },
  );

  it.each([throttled, unavailable, unclear])(
    'retries an unclear outcome and returns the result of the retry: %j',
    async (first) => {
      for (const second of [written, exists, raced, replayed]) {
        const { run, triedAt, lookUps, decisions } = scripted({ writes: [first, second] });
        expect(await run()).toBe(second);
        expect([triedAt.length, lookUps()]).toEqual([2, 0]);
        expect(decisions()).toEqual(['try_failed']);
      }
    },
  );

  it('logs a failed attempt with the version that it wanted to write', async () => {
    const names = async (write: Write) => {
      const { run, context } = scripted({ writes: [throttled, written], write });
      await run();
      return context.journal.decisions[0]?.about;
    };
    expect(await names(create)).toEqual({ name: 'DB_PASSWORD', version: 1 });
    expect(await names(update)).toEqual({ name: 'DB_PASSWORD', version: 2 });
    expect(await names({ creates: [version, version], unchanged: [] })).toEqual({});
  });
});

describe('a write that stays unclear', () => {
  it.each([written, exists, raced, replayed])(
    'returns what one look-up finds after three attempts: $outcome',
    async (seen) => {
      const { run, triedAt, lookUps } = scripted({ writes: [unclear], seen });
      expect(await run()).toBe(seen);
      expect([triedAt.length, lookUps()]).toEqual([3, 1]);
    },
  );

  it('fails as outcome_unknown with the last fault of the store as its cause', async () => {
    const [first, last] = [new Error('first'), new Error('last')];
    const writes: WriteOutcome[] = [
      { ...unclear, cause: first },
      { ...throttled, cause: last },
      unclear,
    ];
    const { run } = scripted({ writes });
    await expect(run()).rejects.toMatchObject({ code: 'outcome_unknown', cause: last });
    const lookedAt = new VaultError('store_unavailable', '', { cause: last });
    const { run: rerun } = scripted({ writes: [{ ...unclear, cause: first }, lookedAt] });
    await expect(rerun()).rejects.toMatchObject({ code: 'outcome_unknown', cause: last });
    const { run: refused } = scripted({ writes: [{ ...unavailable, cause: last }] });
    await expect(refused()).rejects.toMatchObject({ code: 'store_unavailable', cause: last });
  });

  it.each([unclear, throttled, unavailable])(
    'fails as outcome_unknown if the look-up finds nothing clear: %j',
    async (seen) => {
      const { run, decisions } = scripted({ writes: [unclear], seen });
      expect(await codeOf(run)).toBe('outcome_unknown');
      expect(decisions()).toEqual(['try_failed', 'try_failed', 'try_failed', 'outcome_unknown']);
    },
  );

  it.each([
    ['is unavailable', new VaultError('store_unavailable', '')],
    ['is throttled', new VaultError('throttled', '')],
    ['fails in another way', new TypeError('x')],
  ])('fails as outcome_unknown, never as unwritten, if the look-up %s', async (_, seen) => {
    const { run } = scripted({ writes: [unclear], seen });
    expect(await codeOf(run)).toBe('outcome_unknown');
  });

  it.each(['store_unavailable', 'throttled'] as const)(
    'looks up its outcome if the blocking item cannot be read: %s',
    async (code) => {
      const { run, lookUps } = scripted({ writes: [new VaultError(code, '')], seen: written });
      expect(await run()).toBe(written);
      expect(lookUps()).toBe(1);
    },
  );

  it('ends at once with our own fault, because nothing was sent', async () => {
    const fault = new VaultError('internal', 'a fault of ours');
    const { run, triedAt, lookUps } = scripted({ writes: [fault] });
    expect(await refusalOf(run)).toBe(fault);
    expect([triedAt.length, lookUps()]).toEqual([1, 0]);
  });

  it('fails as integrity_failure if the look-up finds one', async () => {
    const seen = new VaultError('integrity_failure', '');
    const { run } = scripted({ writes: [unclear], seen });
    expect(await refusalOf(run)).toBe(seen);
  });

  it.each([
    ['first', [unclear, unavailable, unavailable]],
    ['second', [unavailable, unclear, unavailable]],
    ['last', [unavailable, unavailable, unclear]],
    ['first, before throttling without end', [unclear, throttled]],
    ['first, before a fault of ours', [unclear, new VaultError('internal', 'a fault of ours')]],
  ])('fails as outcome_unknown if only one attempt was unclear: the %s', async (_, writes) => {
    const { run, lookUps } = scripted({ writes });
    expect(await codeOf(run)).toBe('outcome_unknown');
    expect(lookUps()).toBe(1);
  });
});

describe('a write that the store certainly refused', () => {
  it('fails after three attempts without a look-up if the store is unavailable', async () => {
    const { run, triedAt, lookUps } = scripted({ writes: [unavailable] });
    expect(await codeOf(run)).toBe('store_unavailable');
    expect([triedAt.length, lookUps()]).toEqual([3, 0]);
  });

  it('retries throttling until 8 s, without a limit on attempts', async () => {
    const { run, triedAt, lookUps, clock } = scripted({ writes: [throttled] });
    expect(await codeOf(run)).toBe('throttled');
    expect(triedAt.length).toBeGreaterThan(30);
    for (const at of triedAt) expect(at).toBeLessThan(8_000);
    expect(clock.elapsed()).toBeGreaterThan(7_500);
    expect(lookUps()).toBe(0);
  });

  it('excludes throttling from the three attempts', async () => {
    const writes = [unavailable, throttled, throttled, throttled, unavailable, written];
    const { run, triedAt } = scripted({ writes });
    expect(await run()).toBe(written);
    expect(triedAt).toHaveLength(6);
  });
});

describe('the time of a request', () => {
  it.each([8_000, 9_000])('allows no attempt after %s ms', async (beganMs) => {
    const { run, triedAt } = scripted({ writes: [written], beganMs });
    expect(await codeOf(run)).toBe('throttled');
    expect(triedAt).toEqual([]);
  });

  it('allows a first attempt just before 8 s', async () => {
    const { run } = scripted({ writes: [written], beganMs: 7_999 });
    expect(await run()).toBe(written);
  });

  it.each<[WriteOutcome, string]>([
    [unavailable, 'store_unavailable'],
    [throttled, 'throttled'],
    [unclear, 'outcome_unknown'],
  ])('ends the attempts, and %j becomes %s', async (outcome, code) => {
    const { run, triedAt } = scripted({ writes: [outcome], beganMs: 7_000, tryMs: 1_000 });
    expect(await codeOf(run)).toBe(code);
    expect(triedAt).toEqual([7_000]);
  });

  it('permits no sleep that no attempt can follow', async () => {
    const { run, clock, triedAt } = scripted({
      writes: [throttled],
      beganMs: 7_999,
      random: () => 0.999,
    });
    expect(await codeOf(run)).toBe('throttled');
    expect(clock.sleeps).toEqual([]);
    expect(triedAt).toEqual([7_999]);
  });
});

describe('a request that ran out of time', () => {
  /** A request that spent this time in calls to the store, and that time elsewhere. */
  const spent = async (storeMs: number, otherMs: number) => {
    const clock = virtualClock();
    const context = requestContext({ clock });
    clock.advance(otherMs / 2);
    await context.storeTime.during(async () => clock.advance(storeMs));
    clock.advance(otherMs / 2);
    return outOfTime(context);
  };

  it('fails as store_unavailable if store calls took more than half of the time', async () => {
    expect((await spent(3_501, 3_499)).code).toBe('store_unavailable');
    expect((await spent(7_000, 0)).code).toBe('store_unavailable');
  });

  it('fails as throttled if it waited behind others for half of the time or more', async () => {
    expect((await spent(3_500, 3_500)).code).toBe('throttled');
    expect((await spent(0, 7_000)).code).toBe('throttled');
  });

  it('starts no write, and fails as store_unavailable if the store took the time', async () => {
    const { run, triedAt, context, clock } = scripted({ writes: [written] });
    await context.storeTime.during(async () => clock.advance(8_000));
    expect(await codeOf(run)).toBe('store_unavailable');
    expect(triedAt).toEqual([]);
  });
});

describe('the backoff', () => {
  const waits = async (clock: VirtualClock, count: number) => {
    const backoff = startBackoff(requestContext({ clock }));
    for (let i = 0; i < count; i++) expect(await backoff()).toBe(true);
    return clock.sleeps;
  };

  it('draws waits from 0 to a bound that doubles from 10 ms to 400 ms', async () => {
    expect(
      await waits(
        virtualClock(() => 1),
        8,
      ),
    ).toEqual([10, 20, 40, 80, 160, 320, 400, 400]);
    expect(
      await waits(
        virtualClock(() => 0),
        8,
      ),
    ).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('draws each wait independently', async () => {
    const draws = [0.1, 0.9, 0.5];
    expect(
      await waits(
        virtualClock(() => draws.shift() ?? 0),
        3,
      ),
    ).toEqual([1, 18, 20]);
  });

  it('ends at 8 s of the request without sleeping', async () => {
    const clock = virtualClock(() => 1);
    const backoff = startBackoff(requestContext({ clock }));
    clock.advance(7_991);
    expect(await backoff()).toBe(false);
    expect(clock.sleeps).toEqual([]);
    clock.advance(9);
    expect(await backoff()).toBe(false);
  });

  it('starts at 10 ms for every operation', async () => {
    const clock = virtualClock(() => 1);
    await waits(clock, 3);
    expect((await waits(clock, 1)).at(-1)).toBe(10);
  });
});
