/**
 * Attribute values: what DynamoDB accepts, how it orders them and how it counts their size. The rules are those of
 * DynamoDB's Developer Guide ("Supported data types", "Item sizes").
 */
import { Big } from 'big.js';
import { type Item, invalid, isJson, type Value } from './protocol.ts';

/** DynamoDB's own limit of an item, names and values together. */
export const itemBytesMax = 400 * 1024;
const depthMax = 32;
const digitsMax = 38;
const exponentMax = 125;
const exponentMin = -130;

/** Numbers that are canonical already, and small enough to compare as they are. */
const plain = /^(?:0|-?[1-9]\d{0,14})$/;

/** The canonical spelling of a number. Throws a ValidationException for text that DynamoDB refuses. */
export const canonicalNumber = (text: string): string => {
  if (plain.test(text)) return text;
  const number = parseNumber(text.trim());
  if (number === undefined) {
    throw invalid('The parameter cannot be converted to a numeric value');
  }
  if (number.c.length > digitsMax) {
    throw invalid('Attempting to store more than 38 significant digits in a Number');
  }
  if (!number.eq(0) && (number.e > exponentMax || number.e < exponentMin)) {
    throw invalid('Number overflow or underflow: the magnitude is not supported');
  }
  return number.eq(0) ? '0' : number.toFixed();
};

const parseNumber = (text: string): Big | undefined => {
  try {
    return new Big(text.replace(/^\+/, ''));
  } catch {
    return undefined;
  }
};

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`, exactly. */
export const compareNumbers = (a: string, b: string): number =>
  plain.test(a) && plain.test(b) ? Number(a) - Number(b) : new Big(a).cmp(new Big(b));

/** The order of two values of one ordered type (S, N, B); `undefined` if they have none. */
export const compareValues = (a: Value, b: Value): number | undefined => {
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(a.N, b.N);
  if (a.S !== undefined && b.S !== undefined) {
    return Buffer.compare(Buffer.from(a.S), Buffer.from(b.S));
  }
  if (a.B !== undefined && b.B !== undefined) {
    return Buffer.compare(Buffer.from(a.B, 'base64'), Buffer.from(b.B, 'base64'));
  }
  return undefined;
};

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const checkers: Readonly<Record<string, (value: unknown, depth: number) => Value>> = {
  S: (value) => {
    if (typeof value !== 'string' || !value.isWellFormed()) throw invalid('S must be text');
    return { S: value };
  },
  N: (value) => {
    if (typeof value !== 'string') throw invalid('N must be a number in a string');
    return { N: canonicalNumber(value) };
  },
  B: (value) => {
    if (typeof value !== 'string' || !base64.test(value)) throw invalid('B must be base64');
    return { B: value };
  },
  BOOL: (value) => {
    if (typeof value !== 'boolean') throw invalid('BOOL must be true or false');
    return { BOOL: value };
  },
  NULL: (value) => {
    if (value !== true) throw invalid('NULL must be true');
    return { NULL: true };
  },
  L: (value, depth) => {
    if (!Array.isArray(value)) throw invalid('L must be a list');
    return { L: value.map((element) => checkValue(element, depth + 1)) };
  },
  M: (value, depth) => ({ M: checkAttributes(value, depth + 1) }),
};

/** The value, its numbers canonical. Throws a ValidationException for what DynamoDB or this front refuses. */
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
  if (M !== undefined) return 3 + Object.keys(M).length + sizeOfItem(M);
  return 1;
};

/** One byte for each two significant digits, one more, and one for a minus. */
const sizeOfNumber = (number: string): number => {
  const digits = number.replace(/[-.]/g, '').replace(/^0+|0+$/g, '').length;
  return Math.ceil(digits / 2) + 1 + (number.startsWith('-') ? 1 : 0);
};
