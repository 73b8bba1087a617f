import { describe, expect, it } from '@jest/globals';
import {
  codeSentences,
  errorDetail,
  reasonSentences,
} from '../../../functions/env/error-details.ts';
import { planFile } from '../../../functions/env/plan.ts';
import { ApiError } from '../../../functions/model/errors.ts';

/** The error that refuses a file to be encrypted. */
const refusal = (content: string, values: Readonly<Record<string, string>> = {}): ApiError => {
  const file = { content, values: new Map(Object.entries(values)), dialect: 'shell' } as const;
  try {
    planFile({ ...file, mode: 'encrypt' });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('the file was planned');
};

describe('the detail of an error in a file', () => {
  it.each([
    [
      'names the key of the line, not the text in enc(), which may be a value',
      'A=enc(hello)',
      'A: enc(NAME) takes',
    ],
    [
      'says where the value belongs if enc() stands in its place',
      'DB_PASS=enc(DB_PASS)',
      'DB_PASS: its line has enc(DB_PASS) in place',
    ],
    [
      'says so for another line that names the same secret',
      'A=enc(B)\nB=enc(B)',
      'B: its line has enc(B) in place',
    ],
    ['names the key of a malformed reference', 'A=Secret(hello)', 'A: this looks like a reference'],
    ['names the key of an unclosed quote', 'A="hello', 'A: the value has no closing quote'],
    ['names the key of text after a quote', 'A="x"hello', 'A: only blanks'],
    ['names the key of a bad escape', 'A="\\hello"', 'A: in double quotes'],
    ['names a key that occurs twice', 'A=1\nA=2', 'A: the key is already assigned'],
    [
      'names the key of a value that is a reference',
      'A=enc(X)\nX="secret(hello)"',
      'X: the value to be stored',
    ],
    ['names the key of a conflict', 'A="enc(X)"\nB="enc(X@next)"\nX=1', 'B: the file has both'],
    ['has no name for a line without a key', 'hello', 'this is neither an assignment'],
  ])('%s', (_, content, beginning) => {
    const details = refusal(content).properties.errors?.map(errorDetail) ?? [];
    expect(details.map((detail) => detail.slice(0, beginning.length))).toEqual([beginning]);
    expect(details.join()).not.toContain('hello');
  });

  it.each(Object.entries({ ...codeSentences, ...reasonSentences }))(
    'says after a colon what to do about %s',
    (_, sentence) => expect(sentence).toMatch(/^[^:]+: [a-z][^:]+$/),
  );

  it('names the secret if the vault knows the name, and the line that is in the way', () => {
    const at = { line: 1, column: 1 };
    expect(errorDetail({ ...at, code: 'secret_exists', name: 'a.B' })).toBe(
      'a.B: the secret exists already: enc(a.B@next) stores its next version',
    );
    const unfit = { key: 'A', dialect: 'ruby', reason: 'other_line', causeLine: 7 } as const;
    expect(errorDetail({ ...at, code: 'not_representable', ...unfit })).toBe(
      'A cannot be written for ruby: another line is in the way: change that line (line 7)',
    );
  });
});

describe('the refusal of a file that is too large', () => {
  const enc = (count: number, next = '') =>
    Array.from({ length: count }, (_, at) => `K${at}="enc(N${at}${next})"\n`).join('');
  const values = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`N${at}`, value]));

  it.each([
    ['the file has 262145 bytes, and the limit is 262144', '#'.repeat(262_145), {}],
    [
      'the value of N0 has 65537 bytes, and the limit is 65536',
      enc(1),
      values(1, 'x'.repeat(65_537)),
    ],
    [
      'the value of N has 65537 bytes, and the limit is 65536',
      `N=${'x'.repeat(65_537)}\nA="enc(N)"\n`,
      {},
    ],
    [
      'the file names 97 secrets, counting replaced ones twice, and the limit is 96',
      enc(97),
      values(97, 'x'),
    ],
    [
      'the file names 98 secrets, counting replaced ones twice, and the limit is 96',
      enc(49, '@next'),
      values(49, 'x'),
    ],
    [
      'the file has values of 1050000 bytes in total, and the limit is 1048576',
      enc(35),
      values(35, 'x'.repeat(30_000)),
    ],
  ])('says: %s', (sentence, content, given) => {
    const { code, message } = refusal(content, given);
    expect([code, message]).toEqual(['too_large', `${sentence}: split it`]);
  });
});
