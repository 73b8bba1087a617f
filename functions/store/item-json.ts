/**
 * Items as JSON, in the format of DynamoDB exports: bytes are base64, and attributes are sorted by
 * name, so equal items have equal texts. Backups and SQLite store items in this format.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from './items.ts';

export const jsonOf = (item: Item): string => JSON.stringify(attributesOf(item));

/** The object that `jsonOf` writes as text. */
export const attributesOf = (item: Item): object =>
  Object.fromEntries(
    Object.entries(item)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => [name, valueIn(value)]),
  );

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const valueIn = (value: AttributeValue): object => {
  const { B, BS, L, M } = value;
  if (B !== undefined) return { B: base64(B) };
  if (BS !== undefined) return { BS: BS.map(base64) };
  if (L !== undefined) return { L: L.map(valueIn) };
  if (M !== undefined) return { M: attributesOf(M) };
  return value;
};

export const itemFrom = (attributes: Readonly<Record<string, unknown>>): Item =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, attributeFrom(value)]),
  );

/** Only binary values have a different type in JSON. */
const attributeFrom = (value: unknown): AttributeValue => {
  const { B, BS, L, M } = value as Record<string, never>;
  if (B !== undefined) return { B: Buffer.from(B, 'base64') };
  if (BS !== undefined) return { BS: (BS as string[]).map((each) => Buffer.from(each, 'base64')) };
  if (L !== undefined) return { L: (L as unknown[]).map(attributeFrom) };
  if (M !== undefined) return { M: itemFrom(M) };
  return value as AttributeValue;
};
