import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBindings } from '../../../functions/env/dialects/python.ts';
import { seed } from '../../support/seed.ts';
import { foreignBlocks } from './lines.ts';
import { parseWithPython } from './programs.ts';

/** Every blank of Python or JavaScript, and everything that python-dotenv's parser looks for. */
const piece = fc.constantFrom(
  ...`''""\\\\==#\n\n\r \t`,
  ...['\r\n', 'export '],
  ...['a', 'b', 'n', 'K', 'T=', "K='", 'K="', 'export =', '\\n', '\\a', '\\v', '\\f', '\\b', '\\$'],
  ...['\u000b', '\u000c', '\u001b', '\u001c', '\u001f', '\u0085', '\u00a0', '\u1680', '\u180e'],
  ...['\u2000', '\u200a', '\u200b', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\uFEFFa'],
);
const text = fc
  .array(piece, { maxLength: 12, size: 'max' })
  .map((all) => all.join('').replace(/^\uFEFF/, ''));

const pairs = (all: readonly (readonly [string | null, string | null])[]) =>
  // Statements without a key are ignored, because the parser may find an additional one in blanks.
  all.filter(([key]) => key !== null);

describe("the model of python-dotenv's parser", () => {
  it('finds the same keys and values as the parser, up to an unclosed quote', () => {
    const blocks = foreignBlocks(9_000, seed).map((block) => block.text.replace(/^\uFEFF/, ''));
    const texts = [...fc.sample(text, { numRuns: 20_000, seed }), ...blocks];
    const parsed = parseWithPython(texts);
    let whole = 0;
    for (const [index, any] of texts.entries()) {
      const { bindings, open } = readBindings(any);
      const modelled = pairs(bindings.map(({ key, value }) => [key ?? null, value ?? null]));
      const all = pairs(parsed[index] ?? []);
      const found = open ? all.slice(0, modelled.length) : all;
      expect({ seed, any, open, modelled }).toEqual({ seed, any, open, modelled: found });
      if (!open) whole += 1;
    }
    expect(whole).toBeGreaterThan(5_000);
  });
});
