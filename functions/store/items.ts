/**
 * The items of the table, their keys, their encoding and their strict decoding (docs/design/storage.md):
 *
 *   head item         TENANT#<tenant>#SECRET#<name>        HEAD                 the current version, whole
 *   version item      TENANT#<tenant>#SECRET#<name>        VERSION#0000000042   a superseded version
 *   idempotency item  TENANT#<tenant>#IDEMPOTENCY#<hash>   RECORD               what a keyed request did
 *
 * A secret exists if and only if its head item exists and is no deletion. Tenants and names hold no `#`, so no
 * two keys of different meaning are equal. The sparse index `byTenant` (tenant, name; keys only) covers head items
 * and decides nothing. Deleted secrets have a partition of their own in the index.
 *
 * Decoding throws `integrity_failure` unless a stored item has the requested key and exactly the attributes of its
 * kind, each of its type and form.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { commitmentBytes, format, ivBytes, tagBytes } from '../crypto/envelope.ts';
import { contentHashBytes } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import {
  type DestroyedVersion,
  formatInstant,
  type Head,
  type HeadDetails,
  type IdempotencyRecord,
  isNameVisible,
  isSecretName,
  type NewVersion,
  type Principal,
  parseInstant,
  type StoredVersion,
  type VersionRef,
  type WrittenVersion,
} from '../model/types.ts';

export type Item = Record<string, AttributeValue>;
export type ItemKey = { readonly pk: string; readonly sk: string };

export const indexName = 'byTenant';
export const headSortKey = 'HEAD';
export const recordSortKey = 'RECORD';
export const versionSortKey = (version: number): string =>
  `VERSION#${String(version).padStart(10, '0')}`;

export const secretPartition = (tenant: string, name: string): string =>
  `TENANT#${tenant}#SECRET#${name}`;

/**
 * The partition in which to look up a name. A name that is hidden from the principal leads to a partition
 * that is never written. So the calls and their results are the same as for a name that never existed, and
 * the real items are not read.
 */
export const visiblePartition = ({ tenant, names }: Principal, name: string): string =>
  isNameVisible(names, name) ? secretPartition(tenant, name) : `TENANT#${tenant}#ABSENT#${name}`;

export const recordKey = ({ tenant }: Principal, keyHash: string): ItemKey => ({
  pk: `TENANT#${tenant}#IDEMPOTENCY#${keyHash}`,
  sk: recordSortKey,
});

/**
 * Expiry is stored and compared in whole seconds, the unit of DynamoDB's time to live. A read and the
 * condition of a write must agree on which record has expired.
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

/** Encodes a superseded version, byte for byte as it was written, with the end of its interval. */
export const encodeVersion = (version: AnyVersion, validTo: number): Item => ({
  pk: { S: secretPartition(version.tenant, version.name) },
  sk: { S: versionSortKey(version.version) },
  validTo: { S: formatInstant(validTo) },
  ...encodeFields(version),
});

type AnyVersion = NewVersion | DestroyedVersion;

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

/** The vault and the tenant whose items are decoded. An item of another vault or tenant is refused. */
export type Owner = { readonly vault: string; readonly tenant: string };

export const decodeHead = (item: Item, owner: Owner, name: string): Head => {
  const decoder = createDecoder(item, { pk: secretPartition(owner.tenant, name), sk: headSortKey });
  const partition = decoder.text('tenant');
  if (decoder.text('name') !== name) throw malformed();
  const version = decodeFields(decoder, owner, name);
  decoder.nothingElse();
  if (version.state === 'destroyed') throw malformed();
  if (partition !== indexPartition(owner.tenant, version.state)) throw malformed();
  return { ...version, validTo: undefined };
};

/** Decodes the item of a superseded version, whose number must be the one in its key. */
export const decodeVersion = (
  item: Item,
  owner: Owner,
  name: string,
  number: number,
): StoredVersion => {
  const decoder = createDecoder(item, {
    pk: secretPartition(owner.tenant, name),
    sk: versionSortKey(number),
  });
  const version = decodeFields(decoder, owner, name);
  const validTo = decoder.instant('validTo');
  decoder.nothingElse();
  if (version.version !== number || validTo <= version.validFrom) throw malformed();
  return { ...version, validTo };
};

const decodeFields = (decoder: Decoder, { vault, tenant }: Owner, name: string): AnyVersion => {
  if (decoder.text('format') !== format || decoder.text('vault') !== vault) throw malformed();
  const state = decoder.text('state');
  const facts = {
    vault,
    tenant,
    name,
    version: decoder.integer('version', 1, limits.versionMax),
    validFrom: decoder.instant('validFrom'),
    writeId: decoder.text('writeId'),
    createdBy: decoder.text('createdBy'),
  };
  switch (state) {
    case 'stored':
      return {
        ...facts,
        state,
        iv: decoder.bytes('iv', ivBytes, ivBytes),
        ciphertext: decoder.bytes('ciphertext', tagBytes, limits.valueBytesMax + tagBytes),
        commitment: decoder.bytes('commitment', commitmentBytes, commitmentBytes),
        wrappedDataKey: decoder.bytes('wrappedDataKey', 1, limits.wrappedDataKeyBytesMax),
        masterKeyId: decoder.text('masterKeyId'),
        note: decoder.note(),
      };
    case 'deleted':
      return { ...facts, state, note: decoder.note() };
    case 'destroyed':
      return {
        ...facts,
        state,
        masterKeyId: decoder.text('masterKeyId'),
        destroyedAt: decoder.instant('destroyedAt'),
        destroyedBy: decoder.text('destroyedBy'),
      };
    default:
      throw malformed();
  }
};

/** The attributes of a head that a list shows, by the names that the store uses. */
export const detailAttributes = [
  'pk',
  'sk',
  'tenant',
  'name',
  'state',
  'vault',
  'version',
  'validFrom',
  'createdBy',
  'note',
] as const;

export const decodeDetails = (item: Item, owner: Owner, name: string): HeadDetails => {
  const decoder = createDecoder(item, { pk: secretPartition(owner.tenant, name), sk: headSortKey });
  const partition = decoder.text('tenant');
  const state = decoder.text('state');
  if (state !== 'stored' && state !== 'deleted') throw malformed();
  const isInIndexPartition = partition === indexPartition(owner.tenant, state);
  if (
    !isInIndexPartition ||
    decoder.text('name') !== name ||
    decoder.text('vault') !== owner.vault
  ) {
    throw malformed();
  }
  const details: HeadDetails = {
    name,
    state,
    version: decoder.integer('version', 1, limits.versionMax),
    validFrom: decoder.instant('validFrom'),
    createdBy: decoder.text('createdBy'),
    note: decoder.note(),
  };
  decoder.nothingElse();
  return details;
};

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
  // DynamoDB's time to live counts seconds, here rounded up, so that no record expires early.
  expiresAt: { N: String(Math.ceil(record.expiresAt / 1000)) },
});

export const decodeRecord = (item: Item, key: ItemKey): IdempotencyRecord => {
  const decoder = createDecoder(item, key);
  const record = {
    operation: decoder.text('operation'),
    writeId: decoder.text('writeId'),
    contentHash: decoder.bytes('digest', contentHashBytes, contentHashBytes),
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

/** Notes with unassigned characters are decoded: which ones are unassigned depends on the version of Unicode. */
const unfitForNote = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** Each function throws `integrity_failure` unless the attribute exists and has its type and form. */
type Decoder = {
  /** The only attribute that may be missing. */
  readonly note: () => string | undefined;
  readonly text: (attribute: string) => string;
  readonly integer: (attribute: string, min: number, max: number) => number;
  readonly instant: (attribute: string) => number;
  readonly bytes: (attribute: string, min: number, max: number) => Uint8Array;
  readonly list: <Entry>(attribute: string, decode: (decoder: Decoder) => Entry) => Entry[];
  /** Throws `integrity_failure` if the item has another attribute that was not decoded. */
  readonly nothingElse: () => void;
};

/** Decodes the attributes of an item one by one. Throws `integrity_failure` if the item has another key. */
const createDecoder = (item: Readonly<Item>, key?: ItemKey): Decoder => {
  const rest = new Map(Object.entries(item));
  const take = (attribute: string): AttributeValue => {
    const found = rest.get(attribute);
    if (!found) throw malformed();
    rest.delete(attribute);
    return found;
  };
  const text = (attribute: string): string => {
    const { S } = take(attribute);
    if (S === undefined || S === '') throw malformed();
    return S;
  };
  if (key && (text('pk') !== key.pk || text('sk') !== key.sk)) throw malformed();
  return {
    text,
    note: () => {
      if (!rest.has('note')) return undefined;
      const note = text('note');
      if (unfitForNote.test(note) || Buffer.byteLength(note) > limits.noteBytesMax)
        throw malformed();
      return note;
    },
    integer: (attribute, min, max) => {
      const { N } = take(attribute);
      const number = Number(N);
      if (N === undefined || String(number) !== N || !Number.isInteger(number)) throw malformed();
      if (number < min || number > max) throw malformed();
      return number;
    },
    instant: (attribute) => {
      const instant = parseInstant(text(attribute));
      if (instant === undefined) throw malformed();
      return instant;
    },
    bytes: (attribute, min, max) => {
      const { B } = take(attribute);
      if (B === undefined || B.length < min || B.length > max) throw malformed();
      return B;
    },
    list: (attribute, decode) => {
      const { L } = take(attribute);
      if (L === undefined) throw malformed();
      return L.map(({ M }) => {
        if (M === undefined) throw malformed();
        const entry = createDecoder(M);
        const decoded = decode(entry);
        entry.nothingElse();
        return decoded;
      });
    },
    nothingElse: () => {
      if (rest.size > 0) throw malformed();
    },
  };
};

const malformed = (): VaultError =>
  new VaultError('integrity_failure', 'a stored item is not as it was written');
