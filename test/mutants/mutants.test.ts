/**
 * Each guard that a claim rests on, weakened in a copy of the project: the copy still compiles, and the
 * test that is named turns red. So no guard can be lost unnoticed.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printFigure } from '../support/figure.ts';
import { callerMutants } from './callers.ts';
import { conditionMutants } from './conditions.ts';
import { readingMutants } from './reading.ts';
import { sealingMutants } from './sealing.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const mutants = [...conditionMutants, ...readingMutants, ...sealingMutants, ...callerMutants];

describe('a vault that is as it should be', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop();
  });
  afterAll(() => workshop.close());

  it('compiles', async () => {
    expect(await workshop.compiles()).toBe(true);
  });

  const byTest = [...Map.groupBy(mutants, ({ test }) => test)];
  it.each(byTest)('passes what mutants name of %s', async (_, asked) => {
    const { passed, failed, broken } = await workshop.runTests(asked);
    expect({ failed, broken }).toEqual({ failed: 0, broken: 0 });
    expect(passed).toBeGreaterThanOrEqual(new Set(asked.map(({ sentence }) => sentence)).size);
  });
});

describe('a vault in which', () => {
  let workshop: Workshop;
  let noticed = 0;
  beforeAll(() => {
    workshop = openWorkshop();
  });
  afterAll(() => {
    printFigure('mutants', `${noticed} of ${mutants.length} noticed by the test that each names`);
    workshop.close();
  });

  it.each(mutants)('$name is noticed', async (mutant) => {
    const [compiles, { failed }] = await workshop.withMutant(mutant, () =>
      Promise.all([workshop.compiles(), workshop.runTests([mutant])]),
    );
    // What fails is a test that was named: a suite that cannot be loaded has none.
    expect({ compiles, isNoticed: failed > 0 }).toEqual({ compiles: true, isNoticed: true });
    noticed += 1;
  });
});
