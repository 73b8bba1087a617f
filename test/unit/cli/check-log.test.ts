import { describe, expect, it } from '@jest/globals';
import { type Check, type CheckOptions, checkLogs, checkSentence } from '../../../cli/log/check.ts';

type Fields = Readonly<Record<string, unknown>>;

const timeOf = (ms: number): string => new Date(1_000_000 + ms).toISOString();
/** Returns the log line of a request that took 10 ms and ended at this millisecond. */
const at = (end: number, fields: Fields = {}): string =>
  JSON.stringify({
    ...{ message: 'request', timestamp: timeOf(end), ms: 10, requestId: `r-${end}` },
    ...{ operation: 'get-secret', tenant: 'acme', outcome: 'ok', status: 200, ...fields },
  });
const creates = { operation: 'create-secret', wrote: ['A@1'] };
const updates = (version: number) => ({ operation: 'update-secret', wrote: [`A@${version}`] });
const deletes = (version: number) => ({ operation: 'delete-secret', wrote: [`A@${version}`] });
const reads = (version: number) => ({ read: [`A@${version}`], pinned: [] });
const compares = (version: number) => ({ compared: [`A@${version}`], pinned: [], status: 304 });
const copies = (version: number) => ({
  ...{ operation: 'copy-secret', copied: [`A@${version}`], wrote: ['B@1'], pinned: [] },
});
const pins = (version: number) => ({ read: [`A@${version}`], pinned: [`A@${version}`] });
const unclear = { outcome: 'failed', status: 503, code: 'outcome_unknown' };
const refused = { outcome: 'refused', secret: 'A' };
const never = { ...refused, status: 404, why: 'never_existed' };
const isDeleted = (version: number) => ({ ...refused, status: 404, why: 'deleted', version });
const meets = (version: number) => ({ ...refused, status: 409, blocking: version });

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, tenant: undefined };
const check = (
  logs: readonly (readonly string[])[],
  options: Partial<CheckOptions> = {},
): Promise<Check> =>
  checkLogs(logs.map(linesOf), always, { clocksMs: 0, isOrdered: true, ...options });

const quiet = {
  contradictions: [],
  unclear: 0,
  tookEffect: 0,
  withoutLine: 0,
  notKnown: 0,
  untold: 0,
};

describe('dsvault log check', () => {
  it.each<[string, readonly string[], string, readonly [number, number]]>([
    [
      'a stale read',
      [at(100, creates), at(200, updates(2)), at(300, reads(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a stale read by a file',
      [at(200, updates(2)), at(300, { ...reads(1), operation: 'expand-env' })],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a stale 304',
      [at(200, updates(2)), at(300, compares(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a copy of a stale value',
      [at(200, updates(2)), at(300, copies(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a read that goes back behind a copy',
      [at(200, copies(2)), at(300, reads(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a read that goes back behind another read',
      [at(200, reads(2)), at(300, reads(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a read of a deleted value',
      [at(100, creates), at(200, deletes(2)), at(300, reads(1))],
      'found version 1 after version 2 was there',
      [200, 300],
    ],
    [
      'a read from the future',
      [at(100, creates), at(200, reads(2)), at(300, updates(2))],
      'wrote version 2 after version 2 was there',
      [200, 300],
    ],
    [
      'a read from the future, of a write whose outcome is unclear',
      [at(100, creates), at(200, reads(2)), at(300, { ...updates(2), ...unclear })],
      'perhaps wrote version 2 after version 2 was there',
      [200, 300],
    ],
    [
      'an unclear write of a version number that was written before',
      [at(200, updates(2)), at(300, { ...updates(2), ...unclear })],
      'perhaps wrote version 2 after version 2 was there',
      [200, 300],
    ],
    [
      'an acknowledged write that a later read denies',
      [at(100, creates), at(200, never)],
      'found no secret after version 1 was there',
      [100, 200],
    ],
    [
      'a deletion that a later read still sees after a create',
      [at(100, deletes(2)), at(200, { ...creates, wrote: ['A@3'] }), at(300, isDeleted(2))],
      'found version 2 after version 3 was there',
      [200, 300],
    ],
    [
      'a refused create that met an old version',
      [at(200, updates(3)), at(300, meets(2))],
      'found version 2 after version 3 was there',
      [200, 300],
    ],
    [
      'one version number written twice',
      [at(100, updates(2)), at(105, updates(2))],
      'wrote version 2 twice',
      [100, 105],
    ],
    [
      'a write that goes back',
      [at(100, updates(5)), at(200, updates(4))],
      'wrote version 4 after version 5 was there',
      [100, 200],
    ],
    [
      'a write of a version number that was read before',
      [
        at(100, creates),
        at(200, { ...updates(2), ...unclear }),
        at(300, reads(2)),
        at(400, updates(2)),
      ],
      'wrote version 2 after version 2 was there',
      [300, 400],
    ],
    [
      'a stale read after an unclear write that was read',
      [
        at(100, creates),
        at(200, { ...updates(2), ...unclear }),
        at(300, reads(2)),
        at(400, reads(1)),
      ],
      'found version 1 after version 2 was there',
      [300, 400],
    ],
  ])('finds %s', async (_, lines, says, ends) => {
    const found = await check([lines]);
    const places = ends.map((end) =>
      expect.objectContaining({ timestamp: timeOf(end), requestId: `r-${end}`, log: 0 }),
    );
    expect(found.contradictions).toEqual([{ tenant: 'acme', secret: 'A', says, lines: places }]);
  });

  it.each<[string, readonly string[], Partial<Check>]>([
    [
      'reads of what was written',
      [
        at(100, creates),
        at(200, reads(1)),
        at(300, updates(2)),
        at(400, reads(2)),
        at(500, compares(2)),
      ],
      {},
    ],
    [
      'a read that overlaps a write, whether it finds the old or the new version',
      [at(100, creates), at(200, updates(2)), at(205, reads(1)), at(209, reads(2))],
      {},
    ],
    [
      'a read that began 2 ms after a write, within the rounding of the times',
      [at(100, creates), at(200, updates(2)), at(212, reads(1))],
      {},
    ],
    [
      'old versions that were read by number or as of a past time',
      [
        at(200, updates(2)),
        at(300, pins(1)),
        at(400, { read: ['A@1'], pinned: [], past: ['A@1'] }),
      ],
      {},
    ],
    [
      'the same name in another tenant, and another name',
      [
        at(200, updates(2)),
        at(300, { ...reads(1), tenant: 'other' }),
        at(400, { read: ['AA@1'], pinned: [] }),
      ],
      {},
    ],
    [
      'a 404 for a hidden name, and for a version number',
      [
        at(200, updates(2)),
        at(300, { ...never, why: 'hidden' }),
        at(400, { ...never, why: 'beyond_current' }),
        at(500, { ...never, why: 'deleted' }),
      ],
      {},
    ],
    [
      'a copy of an old version, and one whose source is missing',
      [
        at(100, creates),
        at(200, updates(2)),
        at(300, { ...copies(1), pinned: ['A@1'], wrote: ['A@3'] }),
        at(400, { ...never, operation: 'copy-secret', why: 'source_never_existed' }),
      ],
      {},
    ],
    ['a 404 before the secret was created', [at(100, never), at(200, creates)], {}],
    [
      'a destruction of an old version',
      [at(200, updates(2)), at(300, { operation: 'destroy-version', wrote: ['A@1'] })],
      {},
    ],
    [
      'a refused destruction, because its line does not say which version is current',
      [at(200, updates(2)), at(300, { ...meets(1), operation: 'destroy-version' })],
      {},
    ],
    [
      'an unclear write without effect',
      [at(100, creates), at(200, { ...updates(2), ...unclear }), at(300, reads(1))],
      { unclear: 1 },
    ],
    [
      'an unclear write that a later read shows',
      [at(100, creates), at(200, { ...updates(2), ...unclear }), at(300, reads(2))],
      { unclear: 1, tookEffect: 1 },
    ],
    [
      'an unclear write whose version number another write has',
      [at(100, creates), at(200, { ...updates(2), ...unclear }), at(300, updates(2))],
      { unclear: 1 },
    ],
    [
      'an unclear create of a secret that is there',
      [at(100, creates), at(200, updates(2)), at(300, { ...creates, ...unclear })],
      { unclear: 1 },
    ],
    [
      'an unclear create of a secret that was there before the log begins',
      [at(200, reads(1)), at(300, { ...creates, ...unclear })],
      { unclear: 1 },
    ],
    [
      'reads of an older process, which does not say how it read',
      [at(200, updates(2)), at(300, { read: ['A@1'] })],
      { untold: 1 },
    ],
    [
      'copies of the current version, also onto itself',
      [at(100, creates), at(200, copies(1)), at(300, { ...copies(1), wrote: ['A@2'] })],
      {},
    ],
    [
      'a copy by a process that does not say how it selected its source',
      [at(200, updates(2)), at(300, { ...copies(1), pinned: undefined })],
      { untold: 1 },
    ],
    [
      'a log with a hole',
      [at(100, creates), at(200, updates(4)), at(300, reads(6))],
      { withoutLine: 4 },
    ],
    [
      'a log that lacks all versions since a 404',
      [at(100, never), at(200, updates(3))],
      { withoutLine: 2 },
    ],
    ['a log that begins with a read', [at(100, reads(5)), at(200, updates(6))], {}],
    ['a failed read', [at(200, updates(2)), at(300, { ...reads(1), outcome: 'failed' })], {}],
  ])('accepts %s', async (_, lines, expected) => {
    expect(await check([lines])).toMatchObject({ ...quiet, requests: lines.length, ...expected });
  });

  it('treats lines with the same request id as one request, in whatever logs and however often they occur', async () => {
    const untold = { read: ['A@2'], pinned: undefined };
    const more = at(300, { message: 'continued', ms: undefined, ...untold });
    const lines = [at(100, creates), at(200, updates(2)), at(300, untold), more];
    const once = { ...quiet, requests: 3, untold: 1 };
    for (const logs of [
      [lines, lines],
      [lines, lines.slice(1, 3)],
      [[...lines, ...lines]],
      [[...lines.slice(0, 2), ...lines]],
    ]) {
      expect(await check(logs)).toMatchObject(once);
    }
    const other = at(200, { ...updates(2), requestId: 'r-other' });
    expect((await check([[...lines, other]], { isOrdered: false })).contradictions).toHaveLength(1);
    // A second log line with the same request id means that the function was called again for it.
    // The request then lasts from the first start to the last end.
    const again = [at(300, reads(1)), at(500, { ...reads(2), requestId: 'r-300' })];
    const between = [at(350, reads(1)), at(400, updates(2))];
    const asWhole = await check([[at(100, creates), ...again, ...between]], { isOrdered: false });
    expect(asWhole).toMatchObject({ ...quiet, requests: 4 });
    const nameless = [at(100, { ...creates, requestId: undefined })];
    expect(await check([nameless, nameless])).toMatchObject({
      ...{ requests: 2, contradictions: [{ says: 'wrote version 1 twice' }] },
    });
  });

  it('uses the duration in the main line of a request for the lines that continue it', async () => {
    const more = { message: 'continued', ms: undefined };
    const [first, second] = [at(300, { ms: 200 }), at(300, { ...more, ...reads(1) })];
    const found = await check([[at(100, creates), at(200, updates(2)), first, second]]);
    expect(found).toMatchObject({ ...quiet, requests: 3 });
    // An exported log may have lines of other requests in between, or another order.
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const lines = [at(100, creates), at(200, updates(2)), one, at(301, reads(2)), other];
      expect(await check([lines])).toMatchObject({ ...quiet, requests: 4 });
    }
    const alone = at(300, { ...more, ...reads(1), requestId: 'r-alone' });
    expect(await check([[at(200, updates(2)), first, alone]])).toMatchObject({
      ...{ requests: 2, contradictions: [{ says: 'found version 1 after version 2 was there' }] },
    });
  });

  it('allows for the difference of the clocks between several logs', async () => {
    const logs = [[at(100, creates), at(200, updates(2))], [at(300, reads(1))]];
    expect((await check(logs, { clocksMs: 87 })).contradictions).toHaveLength(1);
    expect((await check(logs, { clocksMs: 88 })).contradictions).toEqual([]);
    // The second log begins before the first one ends. These are two logs, so that does not mean
    // that a clock was set back.
    const beside = [[at(100, creates), at(400, updates(2))], [at(300, reads(1))]];
    expect(await check(beside)).toMatchObject(quiet);
  });

  it('leaves out requests in the time that a log covers twice because its clock went back, if its lines are in their original order', async () => {
    const back = [at(100, creates), at(500, updates(2)), at(300, reads(2)), at(600, reads(2))];
    expect(await check([back])).toMatchObject({ ...quiet, requests: 4, notKnown: 2 });
    expect((await check([back], { isOrdered: false })).contradictions).toHaveLength(1);
    // The second log covers this time only once, so its requests are still checked.
    const { notKnown, contradictions } = await check([
      back,
      [at(400, reads(3)), at(450, reads(1))],
    ]);
    expect([notKnown, contradictions.length]).toEqual([2, 2]);
  });

  it('reports each of many contradictions', async () => {
    const stale = Array.from({ length: 150 }, (_, index) => at(300 + index, reads(1)));
    const found = await check([[at(100, creates), at(200, updates(2)), ...stale]]);
    expect(found.contradictions).toHaveLength(150);
  });

  it('says in one sentence what it found and what it cannot know', async () => {
    const none = await check([[at(100, creates)]]);
    expect(checkSentence(none)).toBe('0 contradictions in 1 request');
    const { contradictions } = await check([[at(200, updates(2)), at(300, reads(1))]]);
    const numbers = { requests: 412_308, contradictions, unclear: 3, tookEffect: 2 };
    expect(checkSentence({ ...none, ...numbers, withoutLine: 17, notKnown: 4, untold: 5 })).toBe(
      '1 contradiction in 412,308 requests; 3 unclear (2 took effect); 17 versions without a line; 4 not known, because a clock went back; 5 of processes that do not say how they read',
    );
  });
});
