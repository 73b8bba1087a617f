import { describe, expect, it } from '@jest/globals';
import { type Seen, seenBy, seenCells } from '../../../cli/log/seen.ts';

type Fields = Readonly<Record<string, unknown>>;

const timeOf = (second: number): string => new Date(second * 1_000).toISOString();
const lineAt = (second: number, fields: Fields): string => {
  const caller = { issuer: 'idp', tenant: 'acme', subject: 'alice' };
  const request = { message: 'request', operation: 'get-secret', requestId: `r-${second}` };
  const end = { outcome: 'ok', status: 200, pinned: [] };
  return JSON.stringify({ ...request, timestamp: timeOf(second), ...caller, ...end, ...fields });
};
async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, tenant: undefined };
const seenIn = async (lines: readonly string[], range: object = {}) =>
  (await seenBy('alice', [linesOf(lines)], { ...always, ...range })).seen;

const bob = { subject: 'bob' };
const nothing = { shown: [], listed: [], wrote: [] };
const writes = (version: number) => ({ operation: 'update-secret', wrote: [`A@${version}`] });

describe('dsvault log seen', () => {
  it.each<[string, readonly string[], Partial<Seen> | undefined]>([
    ['a read', [lineAt(1, { read: ['A@2'] })], { shown: [2], current: 2, isCurrent: true }],
    ['a 304', [lineAt(1, { compared: ['A@2'] })], { shown: [2], isCurrent: true }],
    [
      'versions that were read by number, the newest first',
      [lineAt(2, { read: ['A@10', 'A@9'], pinned: ['A@10', 'A@9'] }), lineAt(1, { read: ['A@1'] })],
      { shown: [10, 9, 1], last: timeOf(2) },
    ],
    [
      'a history with values',
      [lineAt(1, { operation: 'list-versions', read: ['A@2', 'A@1'], past: ['A@2', 'A@1'] })],
      { ...nothing, listed: [2, 1], isCurrent: true },
    ],
    [
      'a value that the caller wrote',
      [lineAt(1, writes(2))],
      { ...nothing, wrote: [2], isCurrent: true },
    ],
    [
      'a value that the caller perhaps wrote',
      [lineAt(1, { ...writes(2), outcome: 'failed', code: 'outcome_unknown' })],
      { wrote: [2] },
    ],
    [
      'a version that another caller has replaced since',
      [lineAt(1, { read: ['A@2'] }), lineAt(2, { ...bob, ...writes(3) })],
      { shown: [2], current: 3, isCurrent: false },
    ],
    [
      'a version of a secret that another caller has deleted since',
      [
        lineAt(1, { read: ['A@2'] }),
        lineAt(2, { ...bob, operation: 'delete-secret', wrote: ['A@3'] }),
      ],
      { shown: [2], current: 'deleted', isCurrent: false },
    ],
    [
      'that a version is still current after another caller destroyed an older one',
      [
        lineAt(1, { read: ['A@2'] }),
        lineAt(2, { ...bob, operation: 'destroy-version', wrote: ['A@1'] }),
      ],
      { shown: [2], current: 2, isCurrent: true },
    ],
    [
      'no secret that the caller only deleted',
      [lineAt(1, { operation: 'delete-secret', wrote: ['A@3'] })],
      undefined,
    ],
    [
      'no copy, because the caller never saw its value',
      [lineAt(1, { operation: 'copy-secret', copied: ['A@1'], wrote: ['A@2'] })],
      undefined,
    ],
    ['no failed read', [lineAt(1, { read: ['A@2'], outcome: 'failed' })], undefined],
    ['no read of another caller', [lineAt(1, { read: ['A@2'], ...bob })], undefined],
    ['no read of a longer subject', [lineAt(1, { read: ['A@2'], subject: 'alice2' })], undefined],
  ])('shows %s', async (_, lines, expected) => {
    const [seen, ...others] = await seenIn(lines);
    expect(others).toEqual([]);
    if (expected === undefined) expect(seen).toBeUndefined();
    else expect(seen).toMatchObject({ tenant: 'acme', secret: 'A', ...expected });
  });

  it('takes the current version from the whole log, but shows only what was seen in the range', async () => {
    const lines = [
      lineAt(1, { read: ['A@1', 'B@1'] }),
      lineAt(2, { ...bob, ...writes(3) }),
      lineAt(3, { read: ['A@2'], pinned: ['A@2'] }),
    ];
    const range = { from: 3_000, tenant: 'acme' };
    expect(await seenIn(lines, range)).toMatchObject([
      { secret: 'A', shown: [2], current: 3, isCurrent: false },
    ]);
  });

  it('tells tenants apart, and shows first what was seen last', async () => {
    const lines = [
      lineAt(1, { read: ['A@1'] }),
      lineAt(2, { read: ['A@5'], tenant: 'other' }),
      lineAt(3, { read: ['B@1'] }),
    ];
    const found = await seenIn(lines);
    expect(found.map(({ tenant, secret, current }) => [tenant, secret, current])).toEqual([
      ['acme', 'B', 1],
      ['other', 'A', 5],
      ['acme', 'A', 1],
    ]);
    const [row] = found;
    const cells = ['acme', 'B', '1', '-', '-', timeOf(3), '1', 'the current version'];
    expect(row && seenCells(row)).toEqual(cells);
  });
});
