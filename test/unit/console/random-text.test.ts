import { describe, expect, it } from '@jest/globals';
import { randomText } from '../../../cli/console/page/random-text.ts';

/** Returns these numbers one after the other. */
const giving = (...numbers: readonly number[]) => {
  const rest = [...numbers];
  return (target: Uint32Array) => target.fill(rest.shift() ?? 0);
};

describe('randomText', () => {
  it('maps each random number to a character of the alphabet', () => {
    expect(randomText(4, 'abc', giving(0, 1, 2, 3))).toBe('abca');
  });

  it('skips numbers that would make the first characters more likely', () => {
    // 2 ** 32 is a multiple of three plus one, so the largest number, 2 ** 32 - 1, is skipped.
    expect(randomText(2, 'abc', giving(2 ** 32 - 1, 1, 2 ** 32 - 2))).toBe('bc');
  });

  it('returns the requested number of characters', () => {
    const text = randomText(40, 'ab', (numbers) => crypto.getRandomValues(numbers));
    expect(text).toMatch(/^[ab]{40}$/);
  });
});
