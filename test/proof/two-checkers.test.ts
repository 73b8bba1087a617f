/**
 * Two checkers judge each history: Porcupine searches for a valid order, and the checker in test/support/histories
 * computes one. Both must agree on the histories of simulated vaults, unchanged and with one change of many kinds.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildChecker, checkHistory } from '../cluster/chaos/checker.ts';
import type { Recorded } from '../cluster/chaos/history.ts';
import { seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { findProblems } from '../support/histories/second-checker.ts';
import { changes } from '../support/histories/wrong.ts';
import { freshFolder } from '../support/local-process.ts';
import { recordedOf } from '../support/simulation/recorded.ts';
import { simulate } from '../support/simulation/simulate.ts';

const rightSeeds = 100;
/** The number of histories to which each change is made. */
const changedSeeds = 40;

// Each wrong history starts one process of the other checker, which may take long on a busy machine.
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
  /** Returns whether the history is right. Fails if the checkers disagree. */
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

  it('accept every history of a simulated vault', async () => {
    for (const [seed, history] of histories) {
      expect([seed, await requireOneVerdict(history, { seed })]).toEqual([seed, true]);
      count.operations += history.length;
    }
  });

  it.each(Object.entries(changes))(
    'agree, and reject some histories, where %s',
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
