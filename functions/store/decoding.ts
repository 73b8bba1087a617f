/**
 * Strict decoding of items. Throws `integrity_failure` unless an item has the requested key and
 * exactly the attributes of its kind, each with the right type and form.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { commitmentBytes, format, ivBytes, tagBytes } from '../crypto/envelope.ts';
import { contentHashBytes } from '../crypto/fingerprint.ts';
import { ApiError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import {
  type Head,
  type HeadDetails,
  type IdempotencyRecord,
  isSecretName,
  parseInstant,
  type StoredVersion,
  type VersionRef,
  type WrittenVersion,
} from '../model/types.ts';
import {
  type AnyVersion,
  headSortKey,
  type Item,
  type ItemKey,
  indexPartition,
  secretPartition,
  versionSortKey,
} from './items.ts';

/**
 * The vault and the tenant whose items may be decoded. An item of another vault or tenant is
 * refused.
 */
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

/** Decodes a superseded version. Its number must be the one in its key. */
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

/** The attributes of a head that a list needs, by their names in the store. */
export const detailAttributes = [
  'pk',
  'sk',
  'tenant',
  'name',
  'state',
  'vault',
  'version',
  'validFrom',
  'writeId',
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
    writeId: decoder.text('writeId'),
    createdBy: decoder.text('createdBy'),
    note: decoder.note(),
  };
  decoder.nothingElse();
  return details;
};

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

/**
 * Of the characters that `isNote` refuses in a new note, a stored note is refused only for control
 * characters and separators of lines and paragraphs. Unassigned characters must be accepted: which
 * ones are unassigned depends on the version of Unicode, so a stored note could become invalid with
 * an update of Node.
 */
const unfitForNote = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/**
 * Each function takes an attribute, and throws `integrity_failure` unless it exists with the right
 * type and form.
 */
type Decoder = {
  /** Takes the note, the only attribute that may be missing. */
  readonly note: () => string | undefined;
  readonly text: (attribute: string) => string;
  readonly integer: (attribute: string, min: number, max: number) => number;
  readonly instant: (attribute: string) => number;
  readonly bytes: (attribute: string, min: number, max: number) => Uint8Array;
  readonly list: <Entry>(attribute: string, decode: (decoder: Decoder) => Entry) => Entry[];
  /** Throws `integrity_failure` if any attribute has not been taken. */
  readonly nothingElse: () => void;
};

/**
 * Takes the attributes of an item one by one. Throws `integrity_failure` if the item has a
 * different key.
 */
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

const malformed = (): ApiError =>
  new ApiError('integrity_failure', 'a stored item is not as it was written');
