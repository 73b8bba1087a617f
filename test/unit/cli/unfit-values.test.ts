import { expect, it } from '@jest/globals';
import { unfitReason } from '../../../cli/files/unfit-values.ts';
import { planAdoption } from '../../../functions/env/adoption.ts';
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';

it.each<[string, TextDialect, string, string, string]>([
  ['its key', 'shell', 'UID=abcdef\n', 'reserves this name', 'rename it'],
  ['a byte order mark', 'shell', '\uFEFFA=abcdef\n', 'byte order mark is in the way', 'remove it'],
  ['the comment', 'node', 'A=abcdef # x\u2028y\n', 'the comment is in the way', 'remove it'],
  ['another line', 'ruby', "A=abcdef\nB='x\\'\n", 'is in the way', 'change line 2 first'],
])('a value that cannot be adopted because of %s says what to do, once', (...row) => {
  const [, dialect, content, why, advice] = row;
  const keys = ['A', 'UID'];
  const { unfit } = planAdoption(content, { keys, nameOf: (key) => key, dialect });
  const told = unfit.map((value) => unfitReason(value, content));
  expect(told).toEqual([
    expect.stringMatching(`${why}; ${advice}, or name the program .* with --dialect$`),
  ]);
});
