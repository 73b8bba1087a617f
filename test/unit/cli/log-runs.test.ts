import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkLogs } from '../../../cli/log/check.ts';
import { hasGaps, headsOf, readHeads, runSentences } from '../../../cli/log/runs.ts';
import { lineDigest } from '../../../functions/model/line-digest.ts';
import { freshFolder } from '../../support/local-process.ts';

const timeOf = (second: number): string => new Date(second * 1_000).toISOString();

/** Returns the lines of a run, from the given one on. */
const linesOfRun = (run: string, count: number, { from = 1, at = 0 } = {}): string[] => {
  const lines: string[] = [];
  for (let seq = 1; seq < from + count; seq += 1) {
    const prev = seq === 1 ? undefined : lineDigest(lines.at(-1) ?? '');
    const about = { level: 'INFO', message: 'request', timestamp: timeOf(at + seq) };
    const fields = { requestId: `${run}-${seq}`, operation: 'whoami', subject: 'ä' };
    lines.push(JSON.stringify({ ...about, run, seq, prev, ...fields }));
  }
  return lines.slice(from - 1);
};

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, tenant: undefined };
type Options = { readonly heads?: ReturnType<typeof readHeads>; readonly range?: typeof always };
const check = (logs: readonly (readonly string[])[], { heads, range = always }: Options = {}) =>
  checkLogs(logs.map(linesOf), range, { clocksMs: 0, isOrdered: false, heads });
const saidOf = async (logs: readonly (readonly string[])[], options: Options = {}) =>
  runSentences(await check(logs, options));
/** The heads that a log has. */
const headsIn = async (lines: readonly string[]) => {
  const file = join(freshFolder(), 'heads');
  writeFileSync(file, headsOf(await check([lines])));
  return readHeads(file);
};

const none = 'none missing, none changed';
const changed = (lines: readonly string[], seq: number): string[] =>
  lines.map((line) => (line.includes(`"seq":${seq},`) ? line.replace('whoami', 'whoamI') : line));

describe('the check of the line numbers of a log', () => {
  const run = linesOfRun('r', 9);
  const kept = (...missing: number[]) => run.filter((_, index) => !missing.includes(index + 1));

  it.each<[string, readonly string[], readonly string[]]>([
    ['finds nothing missing in a whole run', run, [`run r: lines 1 to 9, ${none}`]],
    [
      'finds nothing missing if the lines are in another order',
      run.toReversed(),
      [`run r: lines 1 to 9, ${none}`],
    ],
    [
      'finds nothing missing if each line is there twice',
      [...run, ...run],
      [`run r: lines 1 to 9, ${none}`],
    ],
    [
      'reports a missing line',
      kept(4),
      ['run r: lines 1 to 9', `  missing: line 4, between ${timeOf(3)} and ${timeOf(5)}`],
    ],
    [
      'reports several missing lines in two places',
      kept(2, 5, 6, 7),
      [
        'run r: lines 1 to 9',
        `  missing: line 2, between ${timeOf(1)} and ${timeOf(3)}`,
        `  missing: lines 5 to 7, between ${timeOf(4)} and ${timeOf(8)}`,
      ],
    ],
    [
      'reports a damaged line as missing',
      run.map((line, index) => (index === 3 ? line.slice(0, -9) : line)),
      ['run r: lines 1 to 9', `  missing: line 4, between ${timeOf(3)} and ${timeOf(5)}`],
    ],
    [
      'reports a changed line',
      changed(run, 4),
      ['run r: lines 1 to 9', `  changed: line 4, of ${timeOf(4)}`],
    ],
    [
      'reports a changed copy of a line, even of the last one',
      [...run, ...changed(run, 9)],
      ['run r: lines 1 to 9', `  changed: line 9, of ${timeOf(9)}`],
    ],
    [
      'says that the log begins after the first lines of the run',
      kept(1, 2),
      [`run r: lines 3 to 9 (the log begins after line 2), ${none}`],
    ],
    [
      'says how many lines have no number, as in earlier releases',
      [...run, JSON.stringify({ message: 'policy', timestamp: timeOf(1) })],
      [`run r: lines 1 to 9, ${none}`, '1 line without a number, as of earlier releases'],
    ],
    [
      'includes lines with a message that this release does not know',
      linesOfRun('r', 3).map((line) => line.replaceAll('"request"', '"news"')),
      // The digests are of the lines before the replacement.
      [
        'run r: lines 1 to 3',
        `  changed: line 1, of ${timeOf(1)}`,
        `  changed: line 2, of ${timeOf(2)}`,
      ],
    ],
    ['reports nothing for text without log lines', ['other text'], []],
  ])('%s', async (_, lines, expected) => {
    expect(await saidOf([lines])).toEqual(expected);
  });

  it('sums up several runs if nothing is wrong with any of them', async () => {
    const [later, other] = [{ from: 5 }, linesOfRun('o', 1_200, { at: 50 })];
    const logs = [run, other, linesOfRun('p', 2, later), linesOfRun('q', 3, later)];
    expect(await saidOf(logs)).toEqual([
      `2 runs that begin with line 1: 1,209 lines, ${none}`,
      `2 runs that began before the log: 5 lines, ${none}`,
    ]);
    expect(await saidOf([kept(4), other])).toEqual([
      'run r: lines 1 to 9',
      `  missing: line 4, between ${timeOf(3)} and ${timeOf(5)}`,
      `run o: lines 1 to 1200, ${none}`,
    ]);
  });

  it('uses all lines, whatever the range, even with the text that other programs put around them', async () => {
    const range = { from: 3_000, to: 3_000, tenant: 'other' } as unknown as typeof always;
    const wrapped = [
      ...run.slice(0, 3).map((line) => `vault-1  | ${line}\r`),
      ...run.slice(3, 6).map((message) => JSON.stringify({ timestamp: 1, message })),
      ...run.slice(6).map((line) => `    "message": ${JSON.stringify(line)},`),
    ];
    expect(await saidOf([wrapped], { range })).toEqual([`run r: lines 1 to 9, ${none}`]);
  });

  it('finds exactly the removed and the changed line of several runs, whatever the files and the order of the lines', async () => {
    const [one, other] = [linesOfRun('one', 12), linesOfRun('two', 7)];
    const inner = fc.integer({ min: 2, max: 10 });
    await fc.assert(
      fc.asyncProperty(
        inner,
        inner,
        fc.shuffledSubarray([...one.keys()], { minLength: 12 }),
        fc.integer({ min: 0, max: 18 }),
        async (removed, altered, order, cut) => {
          fc.pre(Math.abs(removed - altered) > 1);
          const left = order.flatMap((index) =>
            index + 1 === removed ? [] : (changed(one, altered)[index] ?? []),
          );
          const all = [...left, ...other];
          const { runs } = await check([all.slice(cut), all.slice(0, cut)]);
          const found = new Map(runs.map((run) => [run.run, run]));
          expect(found.get('one')?.missing).toMatchObject([{ first: removed, last: removed }]);
          expect(found.get('one')?.changed).toMatchObject([{ seq: altered }]);
          expect(found.get('two')).toMatchObject({ first: 1, last: 7, missing: [], changed: [] });
        },
      ),
    );
  });
});

describe('heads of runs that were kept outside the log', () => {
  const run = linesOfRun('r', 9);
  const other = linesOfRun('o', 3, { at: 20 });

  it('are found in a log that goes on after them', async () => {
    const heads = await headsIn(run.slice(0, 6));
    const found = await check([[...run, ...other]], { heads });
    expect(hasGaps(found)).toBe(false);
    expect(heads).toMatchObject([{ run: 'r', seq: 6, timestamp: timeOf(6) }]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    [
      'that the last lines of a run are missing',
      [...run.slice(0, 7), ...other],
      [
        'run r: lines 1 to 7',
        `  missing: lines 8 to 9, between ${timeOf(7)} and ${timeOf(9)}`,
        `run o: lines 1 to 3, ${none}`,
      ],
    ],
    [
      'that the last line of a run was changed',
      [...changed(run, 9), ...other],
      ['run r: lines 1 to 9', `  changed: line 9, of ${timeOf(9)}`, `run o: lines 1 to 3, ${none}`],
    ],
    [
      'that a run was written anew',
      [...linesOfRun('r', 9, { at: 1 }), ...other],
      [
        'run r: lines 1 to 9',
        `  changed: line 9, of ${timeOf(10)}`,
        `run o: lines 1 to 3, ${none}`,
      ],
    ],
    [
      'that a run is gone from a log that begins after it',
      other,
      [
        `run r: missing entirely; its last line in --heads is 9, of ${timeOf(9)}`,
        `run o: lines 1 to 3, ${none}`,
      ],
    ],
    [
      'that a run is gone from a log that begins before its end',
      [...linesOfRun('p', 1), ...other],
      [
        `run r: missing entirely; its last line in --heads is 9, of ${timeOf(9)}`,
        `2 runs that begin with line 1: 4 lines, ${none}`,
      ],
    ],
    [
      'that a run is gone from an empty log',
      [],
      [`run r: missing entirely; its last line in --heads is 9, of ${timeOf(9)}`],
    ],
  ])('show %s', async (_, lines, expected) => {
    const found = await check([lines], { heads: (await headsIn([...run, ...other])).slice(0, 1) });
    expect(runSentences(found)).toEqual(expected);
    expect(hasGaps(found)).toBe(true);
  });

  it('show that the beginning was cut off, unless --from says that it need not be there', async () => {
    const heads = await headsIn([...run, ...other]);
    const late = [linesOfRun('o', 2, { at: 20, from: 4 })];
    const found = await check(late, { heads });
    expect(runSentences(found)).toEqual([
      'run o: lines 4 to 5 (the log begins after line 3)',
      `  missing: lines 1 to 3, between ${timeOf(21)} and ${timeOf(24)}`,
      `run r: missing entirely; its last line in --heads is 9, of ${timeOf(9)}`,
    ]);
    expect(hasGaps(found)).toBe(true);
    const rotated = await check(late, { heads, range: { ...always, from: 24_000 } });
    expect(runSentences(rotated)).toEqual([
      `run o: lines 4 to 5 (the log begins after line 3), ${none}`,
      '1 run of --heads ended before --from',
    ]);
    expect(hasGaps(rotated)).toBe(false);
    const still = await check(late, { heads, range: { ...always, from: 23_999 } });
    expect(hasGaps(still)).toBe(true);
  });

  it('show that a log began earlier, but not more than it had', async () => {
    const heads = await headsIn(run.slice(3, 6));
    expect(hasGaps(await check([run.slice(3)], { heads }))).toBe(false);
    expect(hasGaps(await check([run], { heads }))).toBe(false);
    expect(await saidOf([run.slice(4)], { heads })).toContain(
      `  missing: line 4, between ${timeOf(4)} and ${timeOf(5)}`,
    );
  });

  it('cause an error if their file is missing or was not written by --write-heads', () => {
    const file = join(freshFolder(), 'heads');
    expect(() => readHeads(file)).toThrow(`--heads: ${file} cannot be read (ENOENT)`);
    writeFileSync(file, '{"heads":[{}]}');
    expect(() => readHeads(file)).toThrow(`${file} is not a file that --write-heads wrote`);
  });
});
