import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseFile, printFile, rawOffset } from '../../../functions/env/grammar.ts';
import { fileText } from '../../support/env-files.ts';

describe('the grammar of a .env file', () => {
  // Shows G10.
  it('loses no character of any text', () => {
    fc.assert(
      fc.property(fileText, (text) => {
        expect(printFile(parseFile(text))).toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });

  it('knows where in the text each character of a value is', () => {
    fc.assert(
      fc.property(fileText, (text) => {
        for (const line of parseFile(text).lines) {
          if (line.kind !== 'assignment') continue;
          const { value } = line;
          const escapes = new Set(value.escapes);
          for (let offset = 0; offset < value.decoded.length; offset++) {
            const raw = text[rawOffset(value, offset)];
            expect(raw).toBe(escapes.has(offset) ? '\\' : value.decoded[offset]);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('reports every error at a position inside the text, in order', () => {
    fc.assert(
      fc.property(fileText, (text) => {
        const rows = text.replace(/^\uFEFF/, '').split('\n');
        const { errors } = parseFile(text);
        for (const { line, column } of errors) {
          expect(column).toBeGreaterThan(0);
          expect(column).toBeLessThanOrEqual([...(rows[line - 1] ?? '')].length + 1);
        }
        const places = errors.map(({ line, column }) => line * 1_000_000 + column);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }),
      { numRuns: 1_000 },
    );
  });
});
