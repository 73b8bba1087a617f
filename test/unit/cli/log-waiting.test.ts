import { describe, expect, it } from '@jest/globals';
import { holdersOf, oldHolders, otherHolders } from '../../../cli/log/holders.ts';

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
const find = async (lines: readonly string[], version?: number) =>
  oldHolders((await holdersOf('A', [linesOf(lines)], always)).holders, version);

const reads = (second: number, version: number) => lineAt(second, { read: [`A@${version}`] });
const pins = (second: number, version: number) =>
  lineAt(second, { read: [`A@${version}`], pinned: [`A@${version}`] });
const update = lineAt(5, { subject: 'bob', operation: 'update-secret', wrote: ['A@2'] });
const twice = [reads(1, 1), reads(2, 1), update];

describe('a caller who had an older version', () => {
  it.each<[string, readonly string[], boolean | undefined, string | null]>([
    ['is not done before it reads the current version', twice, false, null],
    ['is done after a read of the current version', [...twice, reads(6, 2)], true, null],
    [
      'is done after a 304 for the current version',
      [...twice, lineAt(6, { compared: ['A@2'] })],
      true,
      null,
    ],
    [
      'is done after it expanded a file with the current version',
      [...twice, lineAt(6, { message: 'continued', operation: 'expand-env', read: ['A@2'] })],
      true,
      null,
    ],
    [
      'is not done after it read the current version by its number',
      [...twice, pins(6, 2)],
      false,
      'reads by number',
    ],
    [
      'is not done after it read the current version as of a past time',
      [...twice, lineAt(6, { read: ['A@2'], past: ['A@2'] })],
      false,
      null,
    ],
    [
      'may read the older version again, because it read it as of a past time after the current one',
      [...twice, reads(6, 2), lineAt(7, { read: ['A@1'], past: ['A@1'] })],
      true,
      'reads past versions',
    ],
    ['is not done after another read of the older version', [...twice, reads(6, 1)], false, null],
    [
      'is not done after a failed read',
      [...twice, lineAt(6, { read: ['A@2'], outcome: 'failed' })],
      false,
      null,
    ],
    [
      'is not done after it looked through the history',
      [...twice, lineAt(6, { operation: 'list-versions', read: ['A@2'], past: ['A@2'] })],
      false,
      null,
    ],
    ['may never be done, because it has read only once', [reads(1, 1), update], false, 'ran once'],
    [
      'may never be done, because it reads by number',
      [pins(1, 1), pins(2, 1), update],
      false,
      'reads by number',
    ],
    ['is done, whatever the order of the lines', [reads(6, 2), ...twice.toReversed()], true, null],
    [
      'is left out if it only looked through the history',
      [lineAt(1, { operation: 'list-versions', read: ['A@1'], past: ['A@1'] }), update],
      undefined,
      null,
    ],
    ['is left out if it had only the current version', [update, reads(6, 2)], undefined, null],
    [
      'is left out if it read only another secret',
      [lineAt(1, { read: ['AA@1'] }), update],
      undefined,
      null,
    ],
  ])('%s', async (_, lines, isDone, mayNot) => {
    const expected = { subject: 'alice', isDone, mayNot: mayNot ?? undefined };
    expect(await find(lines)).toEqual(isDone === undefined ? [] : [expected]);
  });

  it('is found even if the log does not show the wanted version yet', async () => {
    const found = await find([reads(1, 1), reads(2, 2), reads(3, 1)], 3);
    expect(found).toMatchObject([{ isDone: false }]);
    expect(await find([reads(1, 1), reads(2, 4)], 3)).toMatchObject([{ isDone: true }]);
  });

  it('is judged by the current version of its own tenant', async () => {
    const other = lineAt(6, { read: ['A@1'], tenant: 'other' });
    expect(await find([...twice, other])).toMatchObject([{ subject: 'alice', isDone: false }]);
  });
});

describe('the callers that may have an older version but are not waited for', () => {
  const lists = (second: number, ...versions: readonly number[]) => {
    const read = versions.map((version) => `A@${version}`);
    return lineAt(second, { operation: 'list-versions', read, past: read });
  };
  const copies = (fields: Fields) =>
    lineAt(6, { operation: 'copy-secret', copied: ['A@1'], wrote: ['B@4'], ...fields });
  const writes = (second: number, version: number, subject = 'alice') =>
    lineAt(second, { operation: 'update-secret', wrote: [`A@${version}`], subject });

  it.each<[string, readonly string[], readonly string[]]>([
    ['include one that only listed it', [lists(1, 1), update], ['alice (listed 1)']],
    ['include one that wrote it', [writes(1, 1), update], ['alice (wrote 1)']],
    [
      'include one whose write of it failed',
      [lineAt(1, { operation: 'submit-env', wrote: ['A@1'], outcome: 'failed' }), update],
      ['alice (wrote 1)'],
    ],
    [
      'include one that copied it to another secret, even if it has read the current one',
      [...twice, reads(7, 2), copies({ pinned: ['A@1'] })],
      ['alice (copied 1 to B)'],
    ],
    [
      'include one whose copy of it may have taken effect',
      [update, copies({ outcome: 'failed', code: 'outcome_unknown', secret: 'B', wrote: [] })],
      ['alice (copied 1 to B)'],
    ],
    [
      'include the writer of a version that a rollback replaced, but not who rolled back',
      [update, copies({ wrote: ['A@3'] })],
      ['bob (wrote 2)'],
    ],
    ['leave out one that copied the current version', [update, copies({ copied: ['A@2'] })], []],
    [
      'leave out a writer that has read the current one since',
      [writes(1, 1), update, reads(6, 2)],
      [],
    ],
    ['leave out the writer of the current one', [writes(1, 1, 'bob'), update], []],
    ['leave out one that also listed the current one', [update, lists(6, 2, 1)], []],
    ['leave out a reader, which is waited for', [writes(1, 1), ...twice, lists(6, 1)], []],
    [
      'leave out one that only deleted or destroyed',
      [
        lineAt(1, { operation: 'delete-secret', wrote: ['A@1'] }),
        lineAt(2, { operation: 'destroy-version', wrote: ['A@1'] }),
        update,
      ],
      [],
    ],
  ])('%s', async (_, lines, expected) => {
    expect(otherHolders(await holdersOf('A', [linesOf(lines)], always), undefined)).toEqual(
      expected,
    );
  });
});
