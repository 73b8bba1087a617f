/**
 * The items of the table, their keys and their encoding (docs/design/storage.md):
 *
 *   head item         TENANT#<tenant>#SECRET#<name>       HEAD                the current version
 *   version item      TENANT#<tenant>#SECRET#<name>       VERSION#0000000042  a superseded version
 *   idempotency item  TENANT#<tenant>#IDEMPOTENCY#<hash>  RECORD              what a request did
 *
 * A secret exists if and only if it has a head item that is not a deletion. Tenants and names never
 * contain `#`, so keys of different meaning cannot be equal. The sparse index `byTenant` (tenant,
 * name; keys only) covers head items; no decision depends on it. Deleted secrets have a separate
 * partition in the index.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { format } from '../crypto/envelope.ts';
import {
  type DestroyedVersion,
  formatInstant,
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  type NewVersion,
  type Principal,
} from '../model/types.ts';

export type Item = Record<string, AttributeValue>;
export type ItemKey = { readonly pk: string; readonly sk: string };

export const keyIn = ({ pk, sk }: Item): ItemKey => ({ pk: pk?.S ?? '', sk: sk?.S ?? '' });

export const indexName = 'byTenant';
export const headSortKey = 'HEAD';
export const recordSortKey = 'RECORD';
export const versionSortKey = (version: number): string =>
  `VERSION#${String(version).padStart(10, '0')}`;

export const secretPartition = (tenant: string, name: string): string =>
  `TENANT#${tenant}#SECRET#${name}`;

/**
 * The partition in which to look up a name. For a name that the principal may not see, it is one
 * that is never written. So the calls and their results are the same as for a name that never
 * existed, and the real items are not read.
 */
export const visiblePartition = ({ tenant, names }: Principal, name: string): string =>
  isNameVisible(names, name) ? secretPartition(tenant, name) : `TENANT#${tenant}#ABSENT#${name}`;

export const recordKey = ({ tenant }: Principal, keyHash: string): ItemKey => ({
  pk: `TENANT#${tenant}#IDEMPOTENCY#${keyHash}`,
  sk: recordSortKey,
});

/**
 * Rounds an instant in milliseconds down to a whole second. Expiry is stored and compared in whole
 * seconds, the unit of DynamoDB's time to live, so that a read and the condition of a write agree
 * on which records have expired.
 */
export const wholeSeconds = (instant: number): number => Math.floor(instant / 1000) * 1000;

export const indexPartition = (tenant: string, state: Head['state']): string =>
  state === 'deleted' ? `${tenant}#DELETED` : tenant;

export const encodeHead = (version: NewVersion): Item => ({
  pk: { S: secretPartition(version.tenant, version.name) },
  sk: { S: headSortKey },
  tenant: { S: indexPartition(version.tenant, version.state) },
  name: { S: version.name },
  ...encodeFields(version),
});

/**
 * Encodes a superseded version with the end of its interval. Its fields are encoded byte for byte
 * as they were in the head item; only the attributes for the index are left out.
 */
export const encodeVersion = (version: AnyVersion, validTo: number): Item => ({
  pk: { S: secretPartition(version.tenant, version.name) },
  sk: { S: versionSortKey(version.version) },
  validTo: { S: formatInstant(validTo) },
  ...encodeFields(version),
});

export type AnyVersion = NewVersion | DestroyedVersion;

const encodeFields = (version: AnyVersion): Item => ({
  format: { S: format },
  state: { S: version.state },
  vault: { S: version.vault },
  version: { N: String(version.version) },
  validFrom: { S: formatInstant(version.validFrom) },
  writeId: { S: version.writeId },
  createdBy: { S: version.createdBy },
  ...encodeState(version),
});

const encodeState = (version: AnyVersion): Item => {
  switch (version.state) {
    case 'stored':
      return {
        iv: { B: version.iv },
        ciphertext: { B: version.ciphertext },
        commitment: { B: version.commitment },
        wrappedDataKey: { B: version.wrappedDataKey },
        masterKeyId: { S: version.masterKeyId },
        ...encodeNote(version),
      };
    case 'deleted':
      return encodeNote(version);
    case 'destroyed':
      return {
        masterKeyId: { S: version.masterKeyId },
        destroyedAt: { S: formatInstant(version.destroyedAt) },
        destroyedBy: { S: version.destroyedBy },
      };
  }
};

const encodeNote = ({ note }: NewVersion): Item =>
  note === undefined ? {} : { note: { S: note } };

export const encodeRecord = (key: ItemKey, record: IdempotencyRecord): Item => ({
  pk: { S: key.pk },
  sk: { S: key.sk },
  operation: { S: record.operation },
  writeId: { S: record.writeId },
  digest: { B: record.contentHash },
  written: {
    L: record.written.map(({ name, version, validFrom }) => ({
      M: {
        name: { S: name },
        version: { N: String(version) },
        validFrom: { S: formatInstant(validFrom) },
      },
    })),
  },
  resolved: {
    L: record.resolved.map(({ name, version }) => ({
      M: { name: { S: name }, version: { N: String(version) } },
    })),
  },
  // In seconds for DynamoDB's time to live, rounded up so that no record expires early.
  expiresAt: { N: String(Math.ceil(record.expiresAt / 1000)) },
});
