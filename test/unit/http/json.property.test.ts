import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { number, optional, strictObject, string } from 'valibot';
import {
  decodeValue,
  parseJson,
  stringMap,
  valueProperties,
} from '../../../functions/http/bodies.ts';
import { ApiError } from '../../../functions/model/errors.ts';
import { anyCharacter } from '../../support/characters.ts';

const schema = strictObject({
  name: string(),
  ...valueProperties,
  values: optional(stringMap),
});
const canary = 'c4n4ryS3cr3t';

/** Fragments of JSON, of text that looks like JSON, and of a secret. */
const piece = fc.oneof(
  fc.constantFrom(
    ...['{', '}', '[', ']', ':', ',', '"', '\\', '\\u006e', '\\ud83d', '\ud83d', '/*', '//', '\n'],
    ...['"name"', '"value"', '"values"', '"encoding"', '"base64"', 'null', '-', '0', '1e9', '.5'],
    ...['{"name":"A","value":"', '","', '":"', '"}', '\uFEFF', '\u0000', ' '],
  ),
  fc.constantFrom(canary, `"${canary}"`, `"value":"${canary}"`, `{"${canary}":1}`),
  fc.string({ unit: anyCharacter, maxLength: 3 }),
);
const almostJson = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

/** Everything in an error that a caller or a log could show. */
const shown = (error: unknown): string =>
  error instanceof ApiError
    ? JSON.stringify([error.message, error.code, error.properties, error.stack]) +
      String(error.cause)
    : `not an ApiError: ${String(error)}`;

const tried = (work: () => unknown): { readonly shown: string } | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return { shown: shown(error) };
  }
};

describe('a JSON body', () => {
  it('is parsed, or refused with an error that does not quote the secret in the body', () => {
    fc.assert(
      fc.property(fc.oneof(almostJson, fc.json()), (text) => {
        const refused = tried(() => parseJson(text, schema));
        expect(refused?.shown ?? '').not.toMatch(/c4n4ryS3cr3t|not an ApiError/);
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps every number that JavaScript can write', () => {
    const numbers = strictObject({ any: number() });
    // JavaScript writes -0 as 0.
    const written = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one || 0);
    fc.assert(
      fc.property(written, (any) => {
        expect(parseJson(`{"any":${any}}`, numbers)).toEqual({ any });
      }),
      { numRuns: 3_000 },
    );
  });

  it('causes no error that quotes a secret, even if the secret is the name of a property', () => {
    const spelling = fc.constantFrom('utf8', 'base64', 'hex', canary);
    const member = fc.constantFrom('name', 'value', 'encoding', 'values', canary, `a.${canary}`);
    const content = fc.anything({ values: [fc.constant(canary), fc.string(), fc.double()] });
    const body = fc
      .tuple(spelling, fc.dictionary(member, content))
      .map(([encoding, properties]) => ({
        name: 'A',
        value: canary,
        encoding,
        ...properties,
      }));
    fc.assert(
      fc.property(body, (sent) => {
        const text = JSON.stringify(sent, (_, entry) => (typeof entry === 'bigint' ? 1 : entry));
        const refused = tried(() => decodeValue(parseJson(text, schema)));
        expect(refused?.shown ?? '').not.toMatch(/c4n4ryS3cr3t|not an ApiError/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is read exactly as written if all its texts are well-formed Unicode, and refused otherwise', () => {
    const texts = fc.string({ unit: anyCharacter, maxLength: 20 });
    const maps = fc.dictionary(texts, texts, { maxKeys: 4 });
    fc.assert(
      fc.property(texts, maps, (value, values) => {
        const text = JSON.stringify({ name: 'A', value, values });
        if ([value, ...Object.entries(values).flat()].every((entry) => entry.isWellFormed())) {
          const read = parseJson(text, schema);
          expect([read.value, Object.entries(read.values ?? {})]).toEqual([
            value,
            Object.entries(values),
          ]);
        } else {
          expect(tried(() => parseJson(text, schema))?.shown).toContain('invalid_request');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
