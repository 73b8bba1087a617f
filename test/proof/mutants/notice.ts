/**
 * Weakens each guard behind a claim in a copy of the project. The copy must still compile, and the named test must
 * fail, so that no guard can be lost unnoticed.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printFigure } from '../../support/figure.ts';
import type { Mutant } from './mutant.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

/** Tests that the unchanged project passes the tests of these mutants, and that each mutant fails its test. */
export const describeMutants = (of: string, mutants: readonly Mutant[]): void => {
  describe(`the unchanged vault, for mutants of ${of},`, () => {
    let workshop: Workshop;
    beforeAll(() => {
      workshop = openWorkshop();
    });
    afterAll(() => workshop.close());

    it('compiles', async () => {
      expect(await workshop.compiles()).toBe(true);
    });

    it('passes every test that the mutants name', async () => {
      const { passed, failed, broken } = await workshop.runTests(mutants);
      expect({ failed, broken }).toEqual({ failed: 0, broken: 0 });
      expect(passed).toBeGreaterThanOrEqual(new Set(mutants.map(({ sentence }) => sentence)).size);
    });
  });

  describe('a vault in which', () => {
    let workshop: Workshop;
    let noticed = 0;
    beforeAll(() => {
      workshop = openWorkshop();
    });
    afterAll(() => {
      const figure = `${noticed} of ${mutants.length} noticed by the test that each names`;
      printFigure(`mutants of ${of}`, figure);
      workshop.close();
    });

    it.each(mutants)('$name is noticed', async (mutant) => {
      const [compiles, { failed }] = await workshop.withMutant(mutant, () =>
        Promise.all([workshop.compiles(), workshop.runTests([mutant])]),
      );
      // Only a failed test counts: a suite that cannot be loaded has no tests.
      expect({ compiles, isNoticed: failed > 0 }).toEqual({ compiles: true, isNoticed: true });
      noticed += 1;
    });
  });
};
