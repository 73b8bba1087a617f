/**
 * Encodes types as items and decodes them. A stored item is untrusted. It is used only if it has the requested
 * key and exactly the attributes of its kind, each of its type and form. Otherwise decoding throws
 * `integrity_failure`.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { commitmentBytes, ivBytes, tagBytes } from '../crypto/envelope.ts';
import { formatInstant } from '../model/instants.ts';
import { limits } from '../model/limits.ts';
import { isSecretName } from '../model/names.ts';
import type {
  IdempotencyRecord,
  SealedVersion,
  StoredVersion,
  VersionRef,
  WrittenVersion,
} from '../model/types.ts';
import { createDecoder, type Decoder, malformed } from './decoder.ts';
import { headSortKey, type ItemKey, secretPartition, versionSortKey } from './table.ts';

export type Item = Record<string, AttributeValue>;

export const encodeHead = (version: SealedVersion): Item => ({
  pk: { S: secretPartition(version.tenant, version.name) },
  sk: { S: headSortKey },
  tenant: { S: version.tenant },
  name: { S: version.name },
  ...encodeSealed(version),
});

/** Encodes a superseded version, byte for byte as it was sealed, with the end of its interval. */
export const encodeVersion = (version: SealedVersion, validTo: number): Item => ({
  pk: { S: secretPartition(version.tenant, version.name) },
  sk: { S: versionSortKey(version.version) },
  validTo: { S: formatInstant(validTo) },
  ...encodeSealed(version),
});

const encodeSealed = (version: SealedVersion): Item => ({
  format: { S: version.format },
  version: { N: String(version.version) },
  validFrom: { S: formatInstant(version.validFrom) },
  iv: { B: version.iv },
  ciphertext: { B: version.ciphertext },
  commitment: { B: version.commitment },
  wrappedDataKey: { B: version.wrappedDataKey },
  masterKeyId: { S: version.masterKeyId },
  writeId: { S: version.writeId },
  createdBy: { S: version.createdBy },
});

/** Decodes the head item of `tenant`'s `name`. */
export const decodeHead = (item: Item, tenant: string, name: string): StoredVersion => {
  const decoder = createDecoder(item, { pk: secretPartition(tenant, name), sk: headSortKey });
  if (decoder.text('tenant') !== tenant || decoder.text('name') !== name) throw malformed();
  const sealed = decodeSealed(decoder, tenant, name);
  decoder.nothingElse();
  return { ...sealed, validTo: undefined };
};

/** Decodes the item of a superseded version, whose number must be the one in its key. */
export const decodeVersion = (
  item: Item,
  tenant: string,
  name: string,
  version: number,
): StoredVersion => {
  const decoder = createDecoder(item, {
    pk: secretPartition(tenant, name),
    sk: versionSortKey(version),
  });
  const sealed = decodeSealed(decoder, tenant, name);
  const validTo = decoder.instant('validTo');
  decoder.nothingElse();
  if (sealed.version !== version || validTo <= sealed.validFrom) throw malformed();
  return { ...sealed, validTo };
};

const decodeSealed = (decoder: Decoder, tenant: string, name: string): SealedVersion => {
  if (decoder.text('format') !== 'v1') throw malformed();
  return {
    tenant,
    name,
    format: 'v1',
    version: decoder.integer('version', 1, limits.versionMax),
    validFrom: decoder.instant('validFrom'),
    iv: decoder.bytes('iv', ivBytes, ivBytes),
    ciphertext: decoder.bytes('ciphertext', tagBytes, limits.valueBytesMax + tagBytes),
    commitment: decoder.bytes('commitment', commitmentBytes, commitmentBytes),
    wrappedDataKey: decoder.bytes('wrappedDataKey', 1, 6_144),
    masterKeyId: decoder.text('masterKeyId'),
    writeId: decoder.text('writeId'),
    createdBy: decoder.text('createdBy'),
  };
};

export const encodeRecord = (key: ItemKey, record: IdempotencyRecord): Item => ({
  pk: { S: key.pk },
  sk: { S: key.sk },
  operation: { S: record.operation },
  writeId: { S: record.writeId },
  digest: { B: record.digest },
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
  // DynamoDB's time to live counts seconds. They are rounded up, so that no record expires early.
  expiresAt: { N: String(Math.ceil(record.expiresAt / 1000)) },
});

export const decodeRecord = (item: Item, key: ItemKey): IdempotencyRecord => {
  const decoder = createDecoder(item, key);
  const record = {
    operation: decoder.text('operation'),
    writeId: decoder.text('writeId'),
    digest: decoder.bytes('digest', 32, 32),
    written: decoder.list('written', decodeWritten),
    resolved: decoder.list('resolved', decodeRef),
    expiresAt: decoder.integer('expiresAt', 0, Number.MAX_SAFE_INTEGER / 1000) * 1000,
  };
  decoder.nothingElse();
  return record;
};

const decodeWritten = (decoder: Decoder): WrittenVersion => ({
  ...decodeRef(decoder),
  validFrom: decoder.instant('validFrom'),
});

const decodeRef = (decoder: Decoder): VersionRef => {
  const name = decoder.text('name');
  if (!isSecretName(name)) throw malformed();
  return { name, version: decoder.integer('version', 1, limits.versionMax) };
};
