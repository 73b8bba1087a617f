import { describe, expect, it } from '@jest/globals';
import { generateText } from '../../../cli/values/generate.ts';

const many = 65_536;
const countsOf = (text: string): readonly number[] => {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()];
};

describe('generateText', () => {
  it.each([
    [undefined, /^[A-Za-z0-9]+$/, 62],
    ['alnum', /^[A-Za-z0-9]+$/, 62],
    ['alpha', /^[A-Za-z]+$/, 52],
    ['digits', /^[0-9]+$/, 10],
    ['hex', /^[0-9a-f]+$/, 16],
    ['base64url', /^[A-Za-z0-9_-]+$/, 64],
    ['graph', /^[!-~]+$/, 94],
    ['abc', /^[abc]+$/, 3],
    ['é😀é', /^[é😀]+$/u, 2],
  ])('uses each character of the alphabet %s equally often', (alphabet, pattern, size) => {
    const text = generateText(String(many), alphabet);
    expect(text).toMatch(pattern);
    const counts = countsOf(text);
    expect([counts.length, counts.reduce((sum, count) => sum + count)]).toEqual([size, many]);
    // The counts of the characters may deviate by six standard deviations. Taking the remainder of
    // a random byte would deviate by more.
    const mean = many / size;
    const spread = 6 * Math.sqrt(mean * (1 - 1 / size));
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(spread);
  });

  it('makes exactly as many characters as requested, and another text each time', () => {
    expect(generateText('1')).toHaveLength(1);
    const [one, other] = [generateText('32'), generateText('32')];
    expect([one.length, other.length, one === other]).toEqual([32, 32, false]);
    expect([...generateText('9', '😀é')]).toHaveLength(9);
  });

  it.each(['', '0', '-1', '1.5', '1e3', '007', '65537', '99999', ' 8', 'eight'])(
    'refuses the length "%s"',
    (length) => {
      expect(() => generateText(length)).toThrow('a number of characters, 1 to 65536');
    },
  );

  it.each(['', 'a', 'aaaa', '😀😀'])(
    'refuses the alphabet "%s", because it has fewer than two different characters',
    (alphabet) => {
      expect(() => generateText('8', alphabet)).toThrow('at least two different characters');
    },
  );

  it.each(['base46', 'alphanumeric', 'hexadecimal', 'HEX', 'Base64'])(
    'refuses the alphabet "%s", because it looks like the name of a character set',
    (alphabet) => {
      expect(() => generateText('8', alphabet)).toThrow('--alphabet knows alnum');
    },
  );

  it.each(['abcdef', 'ABCD', '0xyz', '-_', 'a b', '[:alnum:]'])(
    'uses only the characters of the alphabet "%s"',
    (alphabet) => {
      for (const character of generateText('64', alphabet)) expect(alphabet).toContain(character);
    },
  );
});
