/**
 * One item of each kind that the vault stores, with fixed contents. `test/vectors/etcd-items.json`
 * was made from these.
 */
import { createHash } from 'node:crypto';
import type { NewVersion } from '../../functions/model/types.ts';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
  recordKey,
} from '../../functions/store/items.ts';

/**
 * Returns bytes that depend only on the arguments. Some have their highest bit set, which no ASCII
 * character has, so that text and bytes cannot be confused.
 */
const bytes = (seed: string, length: number): Uint8Array =>
  Buffer.concat(
    Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
      createHash('sha256').update(`${seed} ${index}`).digest(),
    ),
  ).subarray(0, length);

const facts = (name: string, version: number) => ({
  ...{ vault: 'golden', tenant: 'demo', name, version },
  validFrom: Date.UTC(2026, 0, 2, 3, 4, 5, version),
  writeId: `write-${name}-${version}`,
  createdBy: 'https://issuer.example|alice',
});

const stored = (name: string, version: number, note?: string): NewVersion => ({
  ...facts(name, version),
  state: 'stored',
  iv: bytes(`iv ${name} ${version}`, 12),
  ciphertext: bytes(`ciphertext ${name} ${version}`, 45),
  commitment: bytes(`commitment ${name} ${version}`, 32),
  wrappedDataKey: bytes(`key ${name} ${version}`, 61),
  masterKeyId: 'arn:aws:kms:us-east-1:000000000000:key/golden',
  note,
});

const end = Date.UTC(2026, 0, 2, 3, 5);
const record = recordKey(
  {
    tenant: 'demo',
    subject: 'alice',
    issuer: '',
    scopes: [],
    names: undefined,
    rule: undefined,
    expires: 0,
  },
  'a0b1c2',
);

export const goldenItems: readonly Item[] = [
  encodeHead(stored('DB_PASSWORD', 2, 'renewed – “by hand” / é')),
  encodeVersion(stored('DB_PASSWORD', 1), end),
  encodeHead({ ...facts('API_KEY', 3), state: 'deleted', note: undefined }),
  encodeVersion(
    {
      ...facts('API_KEY', 1),
      state: 'destroyed',
      masterKeyId: 'arn:aws:kms:us-east-1:000000000000:key/golden',
      destroyedAt: end,
      destroyedBy: 'https://issuer.example|bob',
    },
    end,
  ),
  encodeVersion(stored('API_KEY', 2, 'last'), end),
  encodeRecord(record, {
    operation: 'write-env-file',
    writeId: 'write-record',
    contentHash: bytes('digest', 32),
    written: [{ name: 'DB_PASSWORD', version: 2, validFrom: end }],
    resolved: [{ name: 'API_KEY', version: 2 }],
    expiresAt: end + 172_800_000,
  }),
];
