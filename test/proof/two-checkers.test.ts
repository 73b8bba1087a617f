/**
 * Two judges of one history: Porcupine, which searches for an order that fits, and the checker in
 * test/support/histories, which works it out. Over the histories of simulated vaults, as they are and with one thing
 * changed in each of many ways, both must come to one verdict.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildChecker, checkHistory } from '../chaos/checker.ts';
import type { Recorded } from '../chaos/history.ts';
import { seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { findProblems } from '../support/histories/second-checker.ts';
import { changes } from '../support/histories/wrong.ts';
import { freshFolder } from '../support/local-process.ts';
import { recordedOf } from '../support/simulation/recorded.ts';
import { simulate } from '../support/simulation/simulate.ts';

const rightSeeds = 100;
/** Histories that each change is made to. */
const changedSeeds = 40;

// One process of the other checker for each history that is wrong, perhaps on a busy machine.
jest.setTimeout(600_000);

describe('two checkers of histories', () => {
  const folder = freshFolder();
  const histories = new Map<number, readonly Recorded[]>();
  const count = { operations: 0, right: 0, wrong: 0 };
  beforeAll(async () => {
    buildChecker();
    for (let seed = 1; seed <= rightSeeds; seed += 1) {
      const { history, final } = await simulate(seed);
      histories.set(seed, recordedOf(history, final));
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    printFigure(
      'two checkers',
      `${count.operations} operations, ${count.right + count.wrong} histories judged alike: ${count.right} right, ${count.wrong} wrong`,
    );
  });

  const judgeByPorcupine = async (history: readonly Recorded[]) => {
    const file = join(folder, 'judged.jsonl');
    writeFileSync(file, history.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
    return await checkHistory(file);
  };
  /** Whether the history is right, if both say the same. */
  const requireOneVerdict = async (history: readonly Recorded[], about: object) => {
    const problems = findProblems(history);
    const { verdict, problems: others } = await judgeByPorcupine(history);
    const isRight = problems.length === 0;
    const verdicts = { about, problems, others, isRight, verdict };
    expect(verdicts).toMatchObject({
      isRight: verdict === 'Ok',
      verdict: isRight ? 'Ok' : 'Illegal',
    });
    count[isRight ? 'right' : 'wrong'] += 1;
    return isRight;
  };

  it('find every history of a simulated vault right', async () => {
    for (const [seed, history] of histories) {
      expect([seed, await requireOneVerdict(history, { seed })]).toEqual([seed, true]);
      count.operations += history.length;
    }
  });

  it.each(Object.entries(changes))(
    'judge alike, and find wrong ones, where %s',
    async (name, change) => {
      let wrong = 0;
      for (let seed = 1; seed <= changedSeeds; seed += 1) {
        const history = change(histories.get(seed) ?? [], seeded(seed));
        if (!history) continue;
        if (!(await requireOneVerdict(history, { name, seed }))) wrong += 1;
      }
      expect(wrong).toBeGreaterThan(0);
    },
  );
});
