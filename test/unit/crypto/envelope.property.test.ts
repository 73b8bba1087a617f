import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeIdentity, open } from '../../../functions/crypto/envelope.ts';
import type { Identity } from '../../../functions/model/types.ts';

/** Short fields of few letters, so that neighbouring fields that could be confused are frequent. */
const field = fc.oneof(
  fc.stringMatching(/^[ab1]{0,3}$/),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
);
const identities: fc.Arbitrary<Identity> = fc.record({
  vault: field,
  tenant: field,
  name: field,
  version: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 999_999_999 })),
  validFrom: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  createdBy: field,
  writeId: field,
  masterKeyId: field,
  note: field,
});

/**
 * Pairs of identities: unrelated ones, and pairs that differ only in where two fields are divided.
 */
const pairs = fc.oneof(
  fc.tuple(identities, identities),
  fc
    .tuple(identities, field, field, fc.nat({ max: 4 }))
    .map(([identity, tenant, name, cut]): [Identity, Identity] => {
      const joined = tenant + name;
      return [
        { ...identity, tenant, name },
        { ...identity, tenant: joined.slice(0, cut), name: joined.slice(cut) },
      ];
    }),
);
const isWellFormed = (identity: Identity) => Object.values(identity).join('').isWellFormed();

describe('the identity of a version', () => {
  it('has the same encoding as another only if all fields are the same', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        fc.pre(isWellFormed(a) && isWellFormed(b));
        const fields = Object.keys(a) as (keyof Identity)[];
        const same = fields.every((key) => a[key] === b[key]);
        expect(Buffer.compare(encodeIdentity(a), encodeIdentity(b)) === 0).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an envelope', () => {
  const dataKeys = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('that is made up fails to open with integrity_failure, and with no other error', () => {
    const parts = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(
        parts,
        parts,
        parts,
        dataKeys,
        identities,
        (iv, ciphertext, commitment, ...by) => {
          const [key, identity] = by;
          const record = { format: 'v1', iv, ciphertext, commitment } as const;
          expect(() => open(record, key, identity)).toThrow(
            expect.objectContaining({ code: 'integrity_failure' }),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});
