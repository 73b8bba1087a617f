import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeHead,
  decodeRecord,
  decodeVersion,
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
  recordKey,
} from '../../../functions/dynamodb/items.ts';
import type { SealedVersion } from '../../../functions/model/types.ts';
import { someone } from '../../support/requests.ts';

const tenants = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/);
const versions = fc.integer({ min: 1, max: 999_999_999 });
const instants = fc.integer({ min: 0, max: 253_402_300_799_999 });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });

const sealedVersions: fc.Arbitrary<SealedVersion> = fc.record({
  tenant: tenants,
  name: names,
  version: versions,
  validFrom: instants,
  createdBy: text,
  writeId: text,
  masterKeyId: text,
  format: fc.constant('v1' as const),
  iv: bytes(12),
  ciphertext: bytes(16, 200),
  commitment: bytes(32),
  wrappedDataKey: bytes(1, 200),
});
const records = fc.record({
  operation: text,
  writeId: text,
  digest: bytes(32),
  written: fc.array(fc.record({ name: names, version: versions, validFrom: instants })),
  resolved: fc.array(fc.record({ name: names, version: versions })),
  expiresAt: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
});

/** Another content of the same type, where there is one that differs. */
const changed = (item: Item, attribute: string): Item => {
  const { S, N, B } = item[attribute] ?? {};
  if (S !== undefined) return { ...item, [attribute]: { S: `${S}x` } };
  if (N !== undefined) return { ...item, [attribute]: { N: `${N}0000000000` } };
  if (B !== undefined) return { ...item, [attribute]: { B: new Uint8Array(7_000_000) } };
  return { ...item, [attribute]: { L: [{ M: {} }] } };
};
const unbound = ['createdBy', 'writeId', 'masterKeyId', 'operation'];

describe('items', () => {
  it('decode to the versions that were encoded', () => {
    fc.assert(
      fc.property(sealedVersions, fc.integer({ min: 1, max: 1e12 }), (sealed, ms) => {
        const { tenant, name, version } = sealed;
        const head = decodeHead(encodeHead(sealed), tenant, name);
        expect(head).toEqual({ ...sealed, validTo: undefined });
        fc.pre(sealed.validFrom + ms <= 253_402_300_799_999);
        const validTo = sealed.validFrom + ms;
        const item = encodeVersion(sealed, validTo);
        expect(decodeVersion(item, tenant, name, version)).toEqual({ ...sealed, validTo });
      }),
      { numRuns: 300 },
    );
  });

  it('decode to the idempotency records that were encoded', () => {
    fc.assert(
      fc.property(records, fc.stringMatching(/^[A-Za-z0-9_-]{43}$/), (record, hash) => {
        const key = recordKey(someone({ tenant: 'acme' }), hash);
        expect(decodeRecord(encodeRecord(key, record), key)).toEqual(record);
      }),
      { numRuns: 200 },
    );
  });

  it('fail to decode if any attribute is missing or malformed', () => {
    fc.assert(
      fc.property(sealedVersions, fc.nat({ max: 13 }), (sealed, index) => {
        const item = encodeHead(sealed);
        const attribute = Object.keys(item)[index] ?? '';
        const { [attribute]: _, ...less } = item;
        const decode = (read: Item) => () => decodeHead(read, sealed.tenant, sealed.name);
        const refused = expect.objectContaining({ code: 'integrity_failure' });
        expect(decode(less)).toThrow(refused);
        if (!unbound.includes(attribute)) expect(decode(changed(item, attribute))).toThrow(refused);
      }),
      { numRuns: 300 },
    );
  });
});
