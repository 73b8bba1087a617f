import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { linesOfStack, queryFor } from '../../../cli/log/cloudwatch-insights.ts';
import {
  type Answer,
  ask,
  type Question,
  readsOf,
  refusals,
  requestsOf,
  storyOf,
} from '../../../cli/log/log-questions.ts';
import { linesOfLog } from '../../../system/log-files.ts';
import { anyCharacter } from '../../support/characters.ts';
import { freshFolder } from '../../support/local-process.ts';

type Fields = Readonly<Record<string, unknown>>;

const timeOf = (second: number): string => new Date(second * 1_000).toISOString();
const lineAt = (second: number, fields: Fields = {}): string => {
  const caller = { issuer: 'github', rule: 2, tenant: 'acme', subject: 'alice' };
  const request = { message: 'request', operation: 'expand-env', requestId: `r-${second}` };
  const end = { outcome: 'ok', status: 200, kmsCalls: 1, kmsRequestIds: ['k'] };
  return JSON.stringify({ ...request, timestamp: timeOf(second), ...caller, ...end, ...fields });
};

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, tenant: undefined };
const answerTo = <AnyRow extends { readonly timestamp: string }>(
  question: Question<AnyRow>,
  ...logs: (readonly string[])[]
): Promise<Answer<AnyRow>> => ask(question, logs.map(linesOf), all);
const cellsOf = async <AnyRow extends { readonly timestamp: string }>(
  question: Question<AnyRow>,
  lines: readonly string[],
) => (await answerTo(question, lines)).rows.map(question.cellsOf);

const everythingOf = async (lines: AsyncIterable<string>): Promise<string[]> => {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
};

describe('dsvault log reads', () => {
  const unknown = { outcome: 'failed', code: 'outcome_unknown', secret: 'A' };
  const destruction = { ...unknown, operation: 'destroy-version', version: 2 };
  const update = { operation: 'update-secret', wrote: ['A@2'] };
  const decision = { message: 'decision', decision: 'created', secret: 'A', version: 1 };
  const failed = { outcome: 'failed', code: 'internal', read: ['A@1'] };
  it.each<[string, Fields, Readonly<Record<string, readonly number[]>>]>([
    ['a file that read the secret', { read: ['A@3', 'B@1'] }, { read: [3] }],
    ['several versions that one request read', { read: ['A@3', 'A@1'] }, { read: [3, 1] }],
    [
      'a read in a line that continues a request',
      { message: 'continued', read: ['A@3'] },
      { read: [3] },
    ],
    [
      'a file that stored the secret',
      { operation: 'submit-env', wrote: ['A@2'] },
      { written: [2] },
    ],
    ['a read and a create', { read: ['A@1'], wrote: ['A@2'] }, { read: [1], created: [2] }],
    ['a request that failed later', failed, { read: [1] }],
    ['an update', update, { updated: [2] }],
    [
      'a copy of the secret',
      { operation: 'copy-secret', copied: ['A@1'], wrote: ['B@9'] },
      { copied: [1] },
    ],
    [
      'a rollback',
      { operation: 'copy-secret', copied: ['A@1'], wrote: ['A@3'] },
      { copied: [1], written: [3] },
    ],
    ['a destruction with an unknown outcome', destruction, { destroyed: [2] }],
    ['an update with an unknown outcome', { ...unknown, ...update }, { updated: [2] }],
    ['no request with an unknown outcome for another name', { ...destruction, secret: 'B' }, {}],
    ['no request for the history of the secret', { operation: 'list-versions', secret: 'A' }, {}],
    ['no refused request', { outcome: 'refused', code: 'not_found', secret: 'A' }, {}],
    ['no request for another name', { read: ['AA@3', 'B.A@1', 'A.B@1'] }, {}],
    ['no decision, because the line of its request follows', decision, {}],
  ])('finds %s', async (_, fields, expected) => {
    const { rows } = await answerTo(readsOf('A'), [lineAt(1, fields)]);
    const found = rows.toReversed().map(({ what, versions }) => [what, versions]);
    expect(found).toEqual(Object.entries(expected));
    const caller = { issuer: 'github', rule: 2, tenant: 'acme', subject: 'alice' };
    for (const row of rows) expect(row).toMatchObject({ ...caller, timestamp: timeOf(1) });
  });

  it('answers from all logs, newest first, and says since when all of them cover the time', async () => {
    const failed = { read: ['A@1'], outcome: 'failed', code: 'internal' };
    const found = await answerTo(
      readsOf('A'),
      [lineAt(5), lineAt(8, { read: ['A@2'] }), lineAt(9, { wrote: ['A@3'] })],
      [lineAt(3), lineAt(4, { read: ['A@1'] }), lineAt(9, failed)],
    );
    expect(found.begins).toBe(timeOf(5));
    expect(found.rows.map(({ timestamp }) => timestamp)).toEqual([9, 9, 8, 4].map(timeOf));
  });

  it('answers for one tenant, from the first instant to the last, both included', async () => {
    const lines = [1, 2, 3, 4].map((second) => lineAt(second, { read: ['A@1'] }));
    const other = lineAt(2, { read: ['A@1'], tenant: 'other' });
    const range = { from: 2_000, to: 3_000, tenant: 'acme' };
    const found = await ask(readsOf('A'), [linesOf([...lines, other])], range);
    expect(found.rows.map(({ timestamp }) => timestamp)).toEqual([3, 2].map(timeOf));
    expect(found.begins).toBe(timeOf(1));
  });

  it('counts request lines that are cut off', async () => {
    const whole = lineAt(1, { read: ['A@1'] });
    const found = await answerTo(readsOf('A'), [
      whole.slice(0, -9),
      JSON.stringify({ message: whole }).slice(0, -9),
      '{"_aws":{}',
      'START RequestId: r-1',
    ]);
    expect(found).toMatchObject({ total: 0, unreadable: 2 });
  });

  it('shows the newest 10,000 rows, and says how many there are in all', async () => {
    const lines = Array.from({ length: 20_500 }, (_, at) => lineAt(at, { read: ['A@1'] }));
    const found = await answerTo(readsOf('A'), lines.toReversed());
    expect([found.total, found.rows.length]).toEqual([20_500, 10_000]);
    expect(found.rows[0]?.timestamp).toBe(timeOf(20_499));
    expect(found.rows.at(-1)?.timestamp).toBe(timeOf(10_500));
  });
});

describe('dsvault log', () => {
  const stranger = { issuer: undefined, tenant: undefined, subject: undefined };
  const refused = { outcome: 'refused', status: 401, code: 'unauthenticated' };
  const differing = ['ref', '/job/id'].map((claim, at) => ({ rule: at + 1, claim }));
  const unmatched = { why: 'no_rule', mismatches: differing };
  const more = lineAt(4, { ...refused, message: 'continued' });
  const decisions = { created: 1, lost_race: 3 };
  it.each<[string, Promise<readonly (readonly string[])[]>, readonly string[]]>([
    [
      'who finds only the exact subject, and shows three of many names',
      cellsOf(requestsOf('alice'), [
        lineAt(1, { read: Array.from({ length: 96 }, (_, at) => `N${at}@1`) }),
        lineAt(2, { subject: 'alice2' }),
        lineAt(3, { secret: 'A', read: ['A@1'] }),
        lineAt(4, { secret: 'A', version: 2, status: 304 }),
        lineAt(5),
        lineAt(6, { secret: 'B', copied: ['A@1'], wrote: ['B@9'] }),
      ]),
      ['A@1 B@9', '-', 'A@2', 'A@1', 'N0@1 N1@1 N2@1 and 93 more'],
    ],
    [
      'refusals finds refusals, also of unknown callers, but no failures',
      cellsOf(refusals, [
        lineAt(1, { ...stranger, ...refused }),
        lineAt(2, { outcome: 'failed' }),
        lineAt(3),
        more,
      ]),
      ['unauthenticated'],
    ],
    [
      'story shows each rule with the claim that differed',
      cellsOf(storyOf('r-1'), [lineAt(1, { ...stranger, ...refused, ...unmatched })]),
      ['why: no_rule, mismatches: 1:ref 2:/job/id'],
    ],
    [
      'story shows each line of a request with its decisions, on AWS as well',
      cellsOf(storyOf('r-1'), [
        lineAt(1, { message: 'decision', decision: 'key_fault' }),
        lineAt(1, { decisions, _aws: {}, Duration: 1.2 }),
        lineAt(2),
      ]),
      ['decision: key_fault', 'decisions: created lost_race ×3'],
    ],
    [
      'story finds a request by the id that the gateway gave to it',
      cellsOf(storyOf('g-1'), [
        lineAt(1, { gatewayRequestId: 'g-1' }),
        lineAt(2, { gatewayRequestId: 'g-2' }),
      ]),
      ['gatewayRequestId: g-1'],
    ],
    [
      'story finds a request by the id that a KMS gave to one of its calls',
      cellsOf(storyOf('kms-1'), [
        lineAt(1, { kmsRequestIds: ['kms-0', 'kms-1'] }),
        lineAt(2, { kmsRequestIds: ['kms-2'] }),
      ]),
      ['kmsRequestIds: kms-0 kms-1'],
    ],
  ])('%s', async (_, cells, third) => {
    const told = (await cells).map((row) => row[2]);
    expect(told).toEqual(third.map((text) => expect.stringContaining(text)));
  });
});

describe('the column WHY of dsvault log refusals', () => {
  const mismatches = ['ref', '/job/id', 'ref', 'ref'].map((claim, at) => ({ rule: at + 1, claim }));
  it.each<[string, Fields]>([
    ['-', {}],
    ['expired', { why: 'expired' }],
    ['@5', { blocking: 5 }],
    ['deleted ×2 hidden', { why: 'deleted hidden', reasons: { deleted: 2, hidden: 1 } }],
    ['denied jti', { why: 'denied', by: 'jti' }],
    ['unfit subject sub', { why: 'unfit', by: 'subject sub' }],
    ['no_rule 1:ref 2:/job/id 3:ref and 1 more', { why: 'no_rule', mismatches }],
  ])('says %s', async (why, fields) => {
    const line = lineAt(1, { outcome: 'refused', ...fields });
    const { rows } = await answerTo(refusals, [line]);
    expect(rows.map((row) => [row, refusals.cellsOf(row)[3]])).toEqual([
      [expect.objectContaining(fields), why],
    ]);
  });
});

describe('the log of a running vault', () => {
  const fileIn = () => join(freshFolder(), 'log');
  const long = 'x'.repeat(200_000);

  it('is read with its older part first, and either part may be absent', async () => {
    const file = fileIn();
    expect(await everythingOf(linesOfLog(file))).toEqual([]);
    writeFileSync(file, `three\n${long}`);
    expect(await everythingOf(linesOfLog(file))).toEqual(['three', long]);
    writeFileSync(`${file}.1`, 'one\ntwo\n');
    expect(await everythingOf(linesOfLog(file))).toEqual(['one', 'two', 'three', long]);
  });

  it('is read once even if it is put aside between opening its two parts', async () => {
    const file = fileIn();
    writeFileSync(file, 'one\n');
    linkSync(file, `${file}.1`);
    expect(await everythingOf(linesOfLog(file))).toEqual(['one']);
  });
});

describe('a query of CloudWatch Logs Insights', () => {
  const piece = '@message like "[\\w.:/+=@-]+"';
  const grammar = new RegExp(
    `^fields @message \\| filter ${piece}( and ${piece})* \\| sort @timestamp desc \\| limit 10000$`,
  );

  it('has the same form for every subject, and finds every line about the subject', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 40 }), (subject) => {
        const { holds } = requestsOf(subject);
        expect(queryFor(holds)).toMatch(grammar);
        const line = JSON.stringify({ subject });
        expect(holds.filter((held) => !line.includes(held))).toEqual([]);
      }),
    );
    const hostile = requestsOf('" or 1 | limit 1 # \\" \' `x` /.*/ %');
    expect(queryFor(hostile.holds)).toMatch(grammar);
    expect(queryFor(requestsOf('github:74').holds)).toContain('like "github:74"');
    expect(queryFor(['a'], 'wrote')).toContain('and @message like "a" or @message like "wrote" |');
    expect(() => queryFor([], '"')).toThrow();
    expect(() => queryFor(['"'])).toThrow();
  });
});

describe('the logs of a stack', () => {
  const { PATH } = process.env;
  afterEach(() => {
    jest.restoreAllMocks();
    process.env['PATH'] = PATH;
  });

  /** Puts this program for Node first on the PATH, as `aws`. */
  const useAws = (program: string): void => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'aws'), `#!${process.execPath}\n${program}`, { mode: 0o700 });
    process.env['PATH'] = `${folder}${delimiter}${PATH}`;
  };

  it('are not waited for longer than an hour, after which CloudWatch Logs has ended a query', async () => {
    useAws("console.log(JSON.stringify({ queryId: 'q', status: 'Running', results: [] }))");
    jest.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValue(3_600_001);
    const lines = everythingOf(linesOfStack('vault', ['A'], { from: 0, to: 1_000 }));
    await expect(lines).rejects.toThrow('within an hour (Running): try a shorter time range');
  });

  it('are searched in ever shorter spans of time while a query returns the maximum number of lines', async () => {
    const asked = join(freshFolder(), 'asked');
    const told = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    useAws(`
      const words = process.argv.slice(2);
      const after = (flag) => words[words.indexOf(flag) + 1];
      if (words[1] === 'start-query') {
        require('node:fs').appendFileSync('${asked}', JSON.stringify(words) + '\\n');
        console.log(JSON.stringify({ queryId: after('--start-time') + '-' + after('--end-time') }));
      } else {
        const [from, to] = after('--query-id').split('-').map(Number);
        const rowAt = (second) => ['@ptr', '@message'].map((field) => ({ field, value: field + second }));
        const count = to - from > 1_000 ? 10_000 : 1;
        const results = [from, to].flatMap((second) => Array(count).fill(rowAt(second)));
        console.log(JSON.stringify({ status: 'Complete', results }));
      }`);
    const span = { from: 1_000_000, to: 3_000_000 };
    const lines = await everythingOf(linesOfStack('vault', ['A'], span));
    // The search starts a minute before the span and ends a minute after it. The two halves of a
    // search share a second, because bounds are whole seconds and a line may lie between two of
    // them.
    const seconds = [940, 1_470, 2_000, 2_530, 3_060];
    expect(lines).toEqual(seconds.map((second) => `@message${second}`));
    // It says once why it takes long.
    expect(told.mock.calls).toEqual([[expect.stringMatching(/at most 10000 lines.*--from/)]]);
    const words: string[] = JSON.parse(readFileSync(asked, 'utf8').split('\n')[0] ?? '');
    const groups = words.filter((word) => word.startsWith('/aws/lambda/vault-'));
    expect(groups).toHaveLength(15);
    expect(words.slice(0, 2)).toEqual(['logs', 'start-query']);
  });
});
