/**
 * Weakens each guard behind a claim in a copy of the project. The copy must still compile, and the named test must
 * fail, so that no guard can be lost unnoticed.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printFigure } from '../../support/figure.ts';
import { mutantsOf } from './mutant.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

/** Tests that the unchanged project passes the tests of an area's mutants, and that each mutant fails its test. */
export const describeMutants = (area: string): void => {
  const mutants = mutantsOf(area);

  describe(`the unchanged vault, for mutants of ${area},`, () => {
    let workshop: Workshop;
    beforeAll(() => {
      workshop = openWorkshop();
    });
    afterAll(() => workshop.close());

    it('compiles', async () => {
      expect(await workshop.compile()).toBe('');
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
      printFigure(`mutants of ${area}`, figure);
      workshop.close();
    });

    it.each(mutants)('$name is noticed', async (mutant) => {
      const [compiler, { failed }] = await workshop.withMutant(mutant, () =>
        Promise.all([workshop.compile(), workshop.runTests([mutant])]),
      );
      // Only a failed test counts: a suite that cannot be loaded has no tests.
      expect({ compiler, isNoticed: failed > 0 }).toEqual({ compiler: '', isNoticed: true });
      noticed += 1;
    });
  });
};
