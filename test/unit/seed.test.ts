import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seed } from '../support/seed.ts';

describe('the input of fast-check', () => {
  it('depends on the seed of the run, which TEST_SEED sets', () => {
    expect(seed).toBe(Number(process.env['TEST_SEED']));
    const inputs = fc.sample(fc.string(), { numRuns: 50, seed });
    expect(fc.sample(fc.string(), 50)).toEqual(inputs);
    const property = fc.property(fc.string(), () => true);
    expect(fc.check(property).seed).toBe(seed);
  });
});
