import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Deletion,
  type DestroyedVersion,
  isNote,
  type SealedVersion,
} from '../../../functions/model/types.ts';
import { decodeHead, decodeRecord, decodeVersion } from '../../../functions/store/decoding.ts';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  recordKey,
} from '../../../functions/store/items.ts';
import { someone } from '../../support/requests.ts';

const tenants = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/);
const vaults = fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/);
const versions = fc.integer({ min: 1, max: 999_999_999 });
const instants = fc.integer({ min: 0, max: 253_402_300_799_999 });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });

const facts = {
  vault: vaults,
  tenant: tenants,
  name: names,
  version: versions,
  validFrom: instants,
  createdBy: text,
  writeId: text,
};
const notes = fc.option(text.filter(isNote), { nil: undefined });
const deletions: fc.Arbitrary<Deletion> = fc.record({
  ...facts,
  state: fc.constant('deleted' as const),
  note: notes,
});
const destroyedVersions: fc.Arbitrary<DestroyedVersion> = fc.record({
  ...facts,
  state: fc.constant('destroyed' as const),
  masterKeyId: text,
  destroyedAt: instants,
  destroyedBy: text,
});
const sealedVersions: fc.Arbitrary<SealedVersion> = fc.record({
  ...facts,
  masterKeyId: text,
  note: notes,
  state: fc.constant('stored' as const),
  iv: bytes(12),
  ciphertext: bytes(16, 200),
  commitment: bytes(32),
  wrappedDataKey: bytes(1, 200),
});
const records = fc.record({
  operation: text,
  writeId: text,
  contentHash: bytes(32),
  written: fc.array(fc.record({ name: names, version: versions, validFrom: instants })),
  resolved: fc.array(fc.record({ name: names, version: versions })),
  expiresAt: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
});

describe('encoded items', () => {
  it('decode to the versions that were encoded', () => {
    const any = fc.oneof(sealedVersions, deletions, destroyedVersions);
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 1e12 }), (written, ms) => {
        const { vault, tenant, name, version, validFrom } = written;
        const owner = { vault, tenant };
        if (written.state !== 'destroyed') {
          const head = decodeHead(encodeHead(written), owner, name);
          expect(head).toEqual({ ...written, validTo: undefined });
        }
        fc.pre(validFrom + ms <= 253_402_300_799_999);
        const validTo = validFrom + ms;
        const item = encodeVersion(written, validTo);
        expect(decodeVersion(item, owner, name, version)).toEqual({ ...written, validTo });
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
});
