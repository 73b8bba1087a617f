/**
 * Attribute values: the types that the vault stores, and how DynamoDB counts their size (Developer Guide, "Item sizes").
 * Numbers are safe integers in canonical spelling, so equal numbers are equal texts.
 */
import { type Item, invalid, isJson, type Value } from './dynamodb-protocol.ts';

/** DynamoDB's own limit of an item, names and values together. */
export const itemBytesMax = 400 * 1024;
const depthMax = 32;

const integer = /^(?:0|-?[1-9]\d{0,15})$/;
const isCanonical = (text: unknown): text is string =>
  typeof text === 'string' && integer.test(text) && Number.isSafeInteger(Number(text));

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const checkers: Readonly<Record<string, (value: unknown, depth: number) => Value>> = {
  S: (value) => {
    if (typeof value !== 'string' || !value.isWellFormed()) throw invalid('S must be text');
    return { S: value };
  },
  N: (value) => {
    if (!isCanonical(value)) {
      throw invalid('N must be a safe integer here, in a string without leading zeros or a plus');
    }
    return { N: value };
  },
  B: (value) => {
    if (typeof value !== 'string' || !base64.test(value)) throw invalid('B must be base64');
    return { B: value };
  },
  L: (value, depth) => {
    if (!Array.isArray(value)) throw invalid('L must be a list');
    return { L: value.map((element) => checkValue(element, depth + 1)) };
  },
  M: (value, depth) => ({ M: checkAttributes(value, depth + 1) }),
};

/** Returns the value. Throws a ValidationException for what DynamoDB or this front refuses. */
const checkValue = (value: unknown, depth = 0): Value => {
  if (depth > depthMax) throw invalid('Nesting Levels have exceeded supported limits');
  const [entry, ...others] = isJson(value) ? Object.entries(value) : [];
  if (entry === undefined || others.length > 0) {
    throw invalid('Supplied AttributeValue must contain exactly one of the supported datatypes');
  }
  const [type, content] = entry;
  const check = Object.hasOwn(checkers, type) ? checkers[type] : undefined;
  if (check === undefined) throw invalid(`The attribute type ${type} is not served here`);
  return check(content, depth);
};

/** Named values, as items, keys and `ExpressionAttributeValues` hold them. Throws as `checkValue` does. */
export const checkAttributes = (attributes: unknown, depth = 0): Item => {
  if (!isJson(attributes)) throw invalid('Attributes must be an object');
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, checkValue(value, depth)]),
  );
};

/** Bytes of an item as DynamoDB counts them: attribute names and values in their stored form. */
export const sizeOfItem = (item: Item): number =>
  Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value),
    0,
  );

const sizeOfValue = ({ S, N, B, L, M }: Value): number => {
  if (S !== undefined) return Buffer.byteLength(S);
  if (B !== undefined) return Buffer.byteLength(B, 'base64');
  if (N !== undefined) return sizeOfNumber(N);
  // A list and a map take 3 bytes, and 1 more for each element.
  if (L !== undefined) return L.reduce((sum, value) => sum + 1 + sizeOfValue(value), 3);
  return M === undefined ? 0 : 3 + Object.keys(M).length + sizeOfItem(M);
};

/** One byte for each two significant digits, one more, and one for a minus. */
const sizeOfNumber = (number: string): number => {
  const digits = number.replace(/^-|0+$/g, '').length;
  return Math.ceil(digits / 2) + 1 + (number.startsWith('-') ? 1 : 0);
};
