import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonBytes, utf8Bytes } from '../../../functions/env/sizes.ts';
import { anyCharacter } from '../../support/characters.ts';

describe('the size of a text', () => {
  const utf8 = new TextEncoder();
  /**
   * The bytes of a text in a JSON string that is itself in a JSON string, without the quotation
   * marks of both.
   */
  const nested = (any: string) =>
    utf8.encode(JSON.stringify(JSON.stringify(any))).length - '"\\"\\""'.length;
  const text = fc.oneof(fc.string({ unit: anyCharacter }), fc.string({ unit: 'binary-ascii' }));

  it('equals the number of bytes of its UTF-8 and JSON encodings', () => {
    fc.assert(
      fc.property(text, (any) => {
        expect(utf8Bytes(any)).toBe(utf8.encode(any).length);
        expect(jsonBytes(any)).toBe(utf8.encode(JSON.stringify(any)).length - 2);
        expect(jsonBytes(any, 2)).toBe(nested(any));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is right for every code unit except surrogates', () => {
    const wrong: number[] = [];
    for (let unit = 0; unit <= 0xffff; unit++) {
      if (unit >= 0xd800 && unit <= 0xdfff) continue;
      const any = String.fromCharCode(unit);
      if (jsonBytes(any) !== utf8.encode(JSON.stringify(any)).length - 2) wrong.push(unit);
      if (jsonBytes(any, 2) !== nested(any)) wrong.push(unit);
      if (utf8Bytes(any) !== utf8.encode(any).length) wrong.push(unit);
    }
    expect(wrong).toEqual([]);
  });
});
