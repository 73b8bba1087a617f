import { describe, expect, it } from '@jest/globals';
import { ApiError, type ErrorCode } from '../../../functions/model/errors.ts';
import type { Head, SealedVersion } from '../../../functions/model/types.ts';
import type { Store, Write, WriteOutcome } from '../../../functions/vault/ports.ts';
import type { RequestVault } from '../../../functions/vault/request.ts';
import {
  limitCall,
  outOfTime,
  startBackoff,
  writeUntilClear,
} from '../../../functions/vault/retries.ts';
import { codeOf } from '../../support/refusals.ts';
import { requestContext } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const version = { name: 'DB_PASSWORD', version: 1 } as SealedVersion;
const create: Write = { changes: [{ base: undefined, next: version }], unchanged: [] };
const update: Write = {
  changes: [{ base: version as Head, next: { ...version, version: 2 } }],
  unchanged: [],
};

const written: WriteOutcome = { outcome: 'written' };
const raced: WriteOutcome = { outcome: 'raced' };
const replayed = { outcome: 'replayed', record: {} } as WriteOutcome;
const unclear: WriteOutcome = { outcome: 'unclear' };
const throttled: WriteOutcome = { outcome: 'refused', reason: 'throttled' };
const unavailable: WriteOutcome = { outcome: 'refused', reason: 'unavailable' };

type Script = {
  /** The outcomes of successive attempts to write. The last one is repeated. */
  readonly writes: readonly (WriteOutcome | Error)[];
  readonly seen?: WriteOutcome | Error;
  readonly write?: Write;
  /** How many milliseconds each attempt to write takes. */
  readonly tryMs?: number;
  readonly beganMs?: number;
  readonly random?: () => number;
};

/** Writes to a store that answers as scripted and records its calls. */
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

/**
 * A script, the expected outcome or error code, and the expected numbers of attempts and look-ups.
 */
type Row = readonly [string, Script, WriteOutcome | string, number, number];
const clear = [written, raced, replayed];
const refusal = (code: ErrorCode) => new ApiError(code, '');
const torn = refusal('integrity_failure');
const rows: readonly Row[] = [
  ...clear.map(
    (each): Row => [`has a clear outcome at once: ${each.outcome}`, { writes: [each] }, each, 1, 0],
  ),
  ...[throttled, unavailable, unclear].flatMap((first) =>
    clear.map((second): Row => {
      const title = `is retried after ${JSON.stringify(first)}: ${second.outcome}`;
      return [title, { writes: [first, second] }, second, 2, 0];
    }),
  ),
  ...clear.map((seen): Row => {
    const title = `has the outcome that one look-up finds after three unclear attempts: ${seen.outcome}`;
    return [title, { writes: [unclear], seen }, seen, 3, 1];
  }),
  ...[
    ...[unclear, throttled, unavailable],
    ...[refusal('store_unavailable'), refusal('throttled'), new TypeError('x')],
  ].map((seen): Row => {
    const told = seen instanceof Error ? String(seen) : JSON.stringify(seen);
    const title = `has an unknown outcome if the look-up finds nothing clear: ${told}`;
    return [title, { writes: [unclear], seen }, 'outcome_unknown', 3, 1];
  }),
  ...(['store_unavailable', 'throttled'] as const).map((code): Row => {
    const title = `is looked up if the item that refused it cannot be read: ${code}`;
    return [title, { writes: [refusal(code)], seen: written }, written, 3, 1];
  }),
  ...(
    [
      ['first', [unclear, unavailable, unavailable], 3],
      ['second', [unavailable, unclear, unavailable], 3],
      ['last', [unavailable, unavailable, unclear], 3],
      ['first, before a bug of the vault', [unclear, refusal('internal')], 3],
    ] as const
  ).map(([which, writes, attempts]): Row => {
    const title = `has an unknown outcome if only one attempt was unclear: the ${which}`;
    return [title, { writes }, 'outcome_unknown', attempts, 1];
  }),
  [
    'fails at once for a bug of the vault, because nothing was sent',
    { writes: [refusal('internal')] },
    'internal',
    1,
    0,
  ],
  [
    'fails with the integrity failure of a look-up',
    { writes: [unclear], seen: torn },
    torn.code,
    3,
    1,
  ],
  [
    'fails after three attempts if the store is unavailable',
    { writes: [unavailable] },
    'store_unavailable',
    3,
    0,
  ],
  [
    'does not count throttling among its three attempts',
    { writes: [unavailable, throttled, throttled, throttled, unavailable, written] },
    written,
    6,
    0,
  ],
  ...[8_000, 9_000].map((beganMs): Row => {
    const title = `is not attempted if ${beganMs} ms have passed`;
    return [title, { writes: [written], beganMs }, 'throttled', 0, 0];
  }),
  [
    'is attempted just before 8 s have passed',
    { writes: [written], beganMs: 7_999 },
    written,
    1,
    0,
  ],
  ...(
    [
      [unavailable, 'store_unavailable', 0],
      [throttled, 'throttled', 0],
      [unclear, 'outcome_unknown', 1],
    ] as const
  ).map(([outcome, code, lookUps]): Row => {
    const script = { writes: [outcome], beganMs: 7_000, tryMs: 1_000 };
    return [
      `is not attempted a second time once 8 s have passed: ${code}`,
      script,
      code,
      1,
      lookUps,
    ];
  }),
];

describe('a write', () => {
  it.each(rows)('%s', async (_, script, expected, attempts, lookUps) => {
    const { run, ...asked } = scripted(script);
    if (typeof expected === 'string') expect(await codeOf(run)).toBe(expected);
    else expect(await run()).toBe(expected);
    expect([asked.triedAt.length, asked.lookUps()]).toEqual([attempts, lookUps]);
    expect(asked.context.journal.attempts()).toBe(attempts);
    // The log shows each attempt that did not settle the outcome, and an unknown outcome.
    const unknown = expected === 'outcome_unknown' ? ['outcome_unknown'] : [];
    const told = asked.decisions();
    expect(told.filter((decision) => decision !== 'try_failed')).toEqual(unknown);
    const failures = attempts - (typeof expected === 'object' && lookUps === 0 ? 1 : 0);
    if (expected !== 'internal') expect(told.length - unknown.length).toBe(failures);
  });

  it('logs an unknown outcome once for each version that it may have written, and once if it writes no version', async () => {
    const both = [...create.changes, ...update.changes];
    for (const [changes, versions] of [
      [both, [1, 2]],
      [[], [undefined]],
    ] as const) {
      const { run, context } = scripted({ writes: [unclear], write: { changes, unchanged: [] } });
      expect(await codeOf(run)).toBe('outcome_unknown');
      const { decisions } = context.journal;
      const unknown = decisions.filter(({ decision }) => decision === 'outcome_unknown');
      expect(unknown.map(({ about }) => about.version)).toEqual(versions);
    }
  });

  it('logs a failed attempt with the version that it tried to write, unless it tried to write several', async () => {
    const names = async (write: Write) => {
      const { run, context } = scripted({ writes: [throttled, written], write });
      await run();
      return context.journal.decisions[0]?.about;
    };
    expect(await names(create)).toEqual({ name: 'DB_PASSWORD', version: 1 });
    expect(await names(update)).toEqual({ name: 'DB_PASSWORD', version: 2 });
    expect(await names({ changes: [...create.changes, ...update.changes], unchanged: [] })).toEqual(
      {},
    );
  });

  it('fails with the last error of the store as its cause', async () => {
    const [first, last] = [new Error('first'), new Error('last')];
    const lookedAt = new ApiError('store_unavailable', '', { cause: last });
    for (const [writes, code] of [
      [[{ ...unclear, cause: first }, { ...throttled, cause: last }, unclear], 'outcome_unknown'],
      [[{ ...unclear, cause: first }, lookedAt], 'outcome_unknown'],
      [[{ ...unavailable, cause: last }], 'store_unavailable'],
    ] as const) {
      await expect(scripted({ writes }).run()).rejects.toMatchObject({ code, cause: last });
    }
  });

  it.each([
    ['throttled', [throttled], 0],
    ['outcome_unknown', [unclear, throttled], 1],
  ] as const)(
    'retries throttling until 8 s have passed, and then answers %s',
    async (code, writes, seen) => {
      const { run, triedAt, lookUps, clock } = scripted({ writes });
      expect(await codeOf(run)).toBe(code);
      expect(triedAt.length).toBeGreaterThan(30);
      for (const at of triedAt) expect(at).toBeLessThan(8_000);
      expect(clock.elapsed()).toBeGreaterThan(7_500);
      expect(lookUps()).toBe(seen);
    },
  );

  it('does not sleep if no time would be left for another attempt', async () => {
    const script = { writes: [throttled], beganMs: 7_999, random: () => 0.999 };
    const { run, clock, triedAt } = scripted(script);
    expect(await codeOf(run)).toBe('throttled');
    expect([clock.sleeps, triedAt]).toEqual([[], [7_999]]);
  });
});

describe('a request that ran out of time', () => {
  /** A request that has spent `storeMs` in calls to the store, and `otherMs` elsewhere. */
  const spent = async (storeMs: number, otherMs: number) => {
    const clock = virtualClock();
    const context = requestContext({ clock });
    clock.advance(otherMs / 2);
    await context.storeTime.during(async () => clock.advance(storeMs));
    clock.advance(otherMs / 2);
    return outOfTime(context);
  };

  it.each([
    ['store_unavailable', 3_501, 3_499],
    ['store_unavailable', 7_000, 0],
    ['throttled', 3_500, 3_500],
    ['throttled', 0, 7_000],
  ])('fails as %s after %i ms in store calls and %i ms elsewhere', async (code, store, other) => {
    expect((await spent(store, other)).code).toBe(code);
  });

  it('starts no write, and fails as store_unavailable if the store took most of the time', async () => {
    const { run, triedAt, context, clock } = scripted({ writes: [written] });
    await context.storeTime.during(async () => clock.advance(8_000));
    expect(await codeOf(run)).toBe('store_unavailable');
    expect(triedAt).toEqual([]);
  });
});

describe('the time limit of a call', () => {
  it.each([
    [0, 3_000],
    [7_000, 2_000],
    [30_000, 1],
  ])(
    'that starts %i ms into the request aborts its signal after %i ms',
    async (elapsedMs, limitMs) => {
      const clock = virtualClock();
      const context = requestContext({ clock });
      clock.advance(elapsedMs);
      const ended = limitCall(context, 3_000, 9_000, async (signal) => {
        clock.advance(limitMs - 1);
        expect(signal.aborted).toBe(false);
        clock.advance(1);
        return signal.aborted;
      });
      expect(await ended).toBe(true);
    },
  );

  it('leaves no timer running after the call, whether it succeeds or fails', async () => {
    const clock = virtualClock();
    const context = requestContext({ clock });
    const limited = (call: () => Promise<unknown>) => limitCall(context, 3_000, 9_000, call);
    expect(await limited(async () => clock.running())).toBe(1);
    await expect(limited(() => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect([clock.timers, clock.running()]).toEqual([[3_000, 3_000], 0]);
  });
});

describe('the backoff', () => {
  const waits = async (count: number, random: () => number) => {
    const clock = virtualClock(random);
    const backoff = startBackoff(requestContext({ clock }));
    for (let i = 0; i < count; i++) expect(await backoff()).toBe(true);
    return clock.sleeps;
  };

  it('draws waits from 0 to a bound that doubles from 10 ms to 400 ms', async () => {
    expect(await waits(8, () => 1)).toEqual([10, 20, 40, 80, 160, 320, 400, 400]);
    expect(await waits(8, () => 0)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('draws each wait independently', async () => {
    const draws = [0.1, 0.9, 0.5];
    expect(await waits(3, () => draws.shift() ?? 0)).toEqual([1, 18, 20]);
  });

  it('ends without sleeping if its wait would last until the request is 8 s old', async () => {
    const clock = virtualClock(() => 1);
    const backoff = startBackoff(requestContext({ clock }));
    clock.advance(7_990);
    expect(await backoff()).toBe(false);
    expect(clock.sleeps).toEqual([]);
    clock.advance(9);
    expect(await backoff()).toBe(false);
  });
});
