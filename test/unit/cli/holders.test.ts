import { describe, expect, it } from '@jest/globals';
import { holderCells, holdersOf } from '../../../cli/log/holders.ts';

type Fields = Readonly<Record<string, unknown>>;

const timeOf = (second: number): string => new Date(second * 1_000).toISOString();
const lineAt = (second: number, fields: Fields): string => {
  const caller = { issuer: 'idp', tenant: 'acme', subject: 'alice' };
  const request = { message: 'request', operation: 'get-secret', requestId: `r-${second}` };
  const end = { outcome: 'ok', status: 200, kmsCalls: 1, kmsRequestIds: [], pinned: [] };
  return JSON.stringify({ ...request, timestamp: timeOf(second), ...caller, ...end, ...fields });
};
async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, tenant: undefined };
const ask = (...lines: readonly string[]) => holdersOf('A', [linesOf(lines)], always);
const alice = { tenant: 'acme', issuer: 'idp', subject: 'alice' };
const at = (version: number, second: number) => ({ version, timestamp: timeOf(second) });
const bob = { subject: 'bob' };

describe('dsvault log holders', () => {
  it.each<[string, readonly string[], object | undefined]>([
    [
      'the newest version and its last reading',
      [lineAt(1, { read: ['A@4'] }), lineAt(3, { read: ['A@4'] })],
      { read: [at(4, 3)], pinned: [], current: 4 },
    ],
    [
      'the last reading even if a later line is older',
      [lineAt(3, { read: ['A@4'] }), lineAt(1, { read: ['A@4'] })],
      { read: [at(4, 3)] },
    ],
    [
      'each version with its last reading, the newest version first',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { read: ['A@2'] }), lineAt(3, { read: ['A@1'] })],
      { read: [at(4, 1), at(2, 2), at(1, 3)], current: 4 },
    ],
    [
      'a version that was compared but not opened',
      [lineAt(2, { compared: ['A@4'] })],
      { read: [at(4, 2)] },
    ],
    [
      'a reading in a line that continues a request',
      [lineAt(2, { message: 'continued', read: ['A@4'] })],
      { read: [at(4, 2)] },
    ],
    [
      'versions that were read by number, separately from the others',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { read: ['A@2', 'A@1'], pinned: ['A@2', 'A@1'] })],
      { read: [at(4, 1)], pinned: [at(2, 2), at(1, 2)] },
    ],
    [
      'versions that were seen in a history, separately from those that were read',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { operation: 'list-versions', read: ['A@3'] })],
      { read: [at(4, 1)], pinned: [], listed: [at(3, 2)] },
    ],
    [
      'a caller that has read versions only by number',
      [lineAt(2, { read: ['A@2'], pinned: ['A@2'] })],
      { read: [], pinned: [at(2, 2)] },
    ],
    [
      'a newer version that another caller wrote',
      [
        lineAt(1, { read: ['A@4'] }),
        lineAt(2, { ...bob, operation: 'update-secret', wrote: ['A@5'] }),
      ],
      { read: [at(4, 1)], current: 5 },
    ],
    [
      'a newer version that another caller read',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { ...bob, read: ['A@5'] })],
      { read: [at(4, 1)], current: 5 },
    ],
    [
      'a deletion',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { operation: 'delete-secret', wrote: ['A@5'] })],
      { read: [at(4, 1)], current: 'deleted' },
    ],
    [
      'the same current version after the destruction of a version',
      [lineAt(1, { read: ['A@4'] }), lineAt(2, { operation: 'destroy-version', wrote: ['A@9'] })],
      { current: 4 },
    ],
    [
      'the same current version after a write in another tenant',
      [
        lineAt(1, { read: ['A@4'] }),
        lineAt(2, { tenant: 'other', operation: 'update-secret', wrote: ['A@5'] }),
      ],
      { current: 4 },
    ],
    [
      'no caller whose reading failed',
      [lineAt(1, { read: ['A@4'], outcome: 'failed' })],
      undefined,
    ],
    [
      'no caller that has read only another name',
      [lineAt(1, { read: ['AA@4', 'B.A@1'] })],
      undefined,
    ],
    [
      'no caller that has only written the secret',
      [lineAt(1, { operation: 'create-secret', wrote: ['A@1'] })],
      undefined,
    ],
  ])('finds %s', async (_, lines, expected) => {
    const { holders } = await ask(...lines);
    const ofAlice = holders.find(({ subject, tenant }) => subject === 'alice' && tenant === 'acme');
    if (expected === undefined) expect(ofAlice).toBeUndefined();
    else expect(ofAlice).toMatchObject({ ...alice, ...expected });
  });

  it('lists each caller once, the last reader first, and counts lines that cannot be read', async () => {
    const { holders, unreadable, begins } = await ask(
      lineAt(1, { read: ['A@1'] }),
      lineAt(2, { ...bob, read: ['A@1'], pinned: ['A@1'] }),
      lineAt(3, { ...bob, issuer: 'other', read: ['A@1'] }),
      lineAt(4, { read: ['A@2'] }),
      lineAt(6, { read: ['A@2'] }).slice(0, -9),
    );
    const callers = holders.map(({ issuer, subject }) => `${issuer} ${subject}`);
    expect(callers).toEqual(['idp alice', 'other bob', 'idp bob']);
    expect({ unreadable, begins }).toEqual({ unreadable: 1, begins: timeOf(1) });
  });

  it('shows which versions of the secret each caller has read, and whether the last of them is outdated', async () => {
    const found = await ask(
      lineAt(0, { read: ['A@3'] }),
      lineAt(1, { read: ['A@1'] }),
      lineAt(2, { read: ['A@4'] }),
      lineAt(3, { read: ['A@2', 'A@1'], pinned: ['A@2', 'A@1'] }),
      lineAt(4, { ...bob, tenant: undefined, read: ['A@5'] }),
      lineAt(5, { ...bob, read: ['A@5'] }),
      lineAt(6, { ...bob, operation: 'list-versions', read: ['A@5', 'A@4'], past: ['A@5', 'A@4'] }),
    );
    const [first, last] = [timeOf(1), timeOf(2)];
    expect(found.holders.map(holderCells)).toEqual([
      ['acme', 'bob', 'idp', '5', timeOf(5), '-', '-', '5 4', '5', ''],
      ['-', 'bob', 'idp', '5', timeOf(4), '-', '-', '-', '5', ''],
      ['acme', 'alice', 'idp', '4', last, `1 at ${first}`, '2 1', '-', '5', 'an older version'],
    ]);
  });
});
