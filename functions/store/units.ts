/**
 * The units that a store which bills nothing reports for a call: one for each started 4 KiB of its items, and one at
 * least. Bytes are counted as DynamoDB counts them, so a unit means about the same for every store.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from './items.ts';

const unitBytes = 4_096;

export const unitsOf = (items: readonly (Item | undefined)[]): number => {
  const bytes = items.reduce((sum, item) => sum + (item ? bytesOf(item) : 0), 0);
  return Math.max(1, Math.ceil(bytes / unitBytes));
};

const bytesOf = (item: Item): number =>
  Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + bytesOfValue(value),
    0,
  );

const bytesOfValue = ({ S, N, B, L, M }: AttributeValue): number => {
  if (S !== undefined) return Buffer.byteLength(S);
  if (B !== undefined) return B.length;
  if (N !== undefined) return N.length;
  if (L !== undefined) return L.reduce((sum, value) => sum + bytesOfValue(value), 0);
  return M === undefined ? 0 : bytesOf(M);
};
