/** Generates random values on this machine. All characters are equally likely. */
import { randomInt } from 'node:crypto';
import { limits } from '../../functions/model/limits.ts';
import { usage } from '../../system/failures.ts';
import { alphabets } from './alphabets.ts';

export const alphabetNames = [...alphabets.keys()].join(', ');

/**
 * Returns a text of `length` random characters. `alphabet` is the name of a set, or the characters
 * themselves.
 */
export const generateText = (length: string, alphabet = 'alnum'): string => {
  const count = /^[1-9]\d{0,4}$/.test(length) ? Number(length) : 0;
  if (count < 1 || count > limits.valueBytesMax) {
    throw usage(`--generate takes a number of characters, 1 to ${limits.valueBytesMax}`);
  }
  const characters = charactersOf(alphabet);
  return Array.from({ length: count }, () => characters[randomInt(characters.length)]).join('');
};

const charactersOf = (alphabet: string): readonly string[] => {
  const named = alphabets.get(alphabet);
  const characters = [...new Set(named ?? alphabet)];
  if (characters.length < 2) throw usage('--alphabet needs at least two different characters');
  if (named === undefined && looksLikeName(alphabet, characters)) {
    throw usage(
      `--alphabet knows ${alphabetNames}; an alphabet of letters and digits alone names them in ascending order`,
    );
  }
  return characters;
};

/**
 * Whether an alphabet is probably the misspelt name of a set: it has only letters and digits, and
 * is not in ascending order. Without this check, the few letters of the misspelt name would be the
 * alphabet. Somebody who means just these characters must write them in ascending order.
 */
const looksLikeName = (text: string, characters: readonly string[]): boolean =>
  /^[A-Za-z](?:[a-z0-9]+|[A-Z0-9]+)$/.test(text) && [...characters].sort().join('') !== text;
