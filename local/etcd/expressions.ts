/**
 * The expressions that the vault and its tools send, and no more of DynamoDB's language:
 *
 *   condition      = all { OR all }
 *   all            = test { AND test }
 *   test           = attribute_not_exists ( name ) | name = :value | name < :value
 *   key condition  = name = :value [ AND name BETWEEN :value AND :value ]
 *   projection     = name { , name }
 *   name           = word | #placeholder
 *
 * The front rejects any other expression with a ValidationException that quotes it, so no expression means less here
 * than on DynamoDB.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Item, invalid, type Value } from './dynamodb-protocol.ts';

/** The placeholders of a request. */
export type Placeholders = {
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
};

type Test =
  | { readonly kind: 'absent'; readonly attribute: string }
  | { readonly kind: '=' | '<'; readonly attribute: string; readonly value: Value };
/** Holds if all tests of one of its lists hold. */
export type Condition = readonly (readonly Test[])[];

export type KeyCondition = {
  readonly hash: { readonly attribute: string; readonly value: Value };
  readonly range?: { readonly attribute: string; readonly low: Value; readonly high: Value };
};

const name = String.raw`(#\w+|[A-Za-z]\w*)`;
const value = String.raw`(:\w+)`;
const absence = new RegExp(String.raw`^attribute_not_exists\s*\(\s*${name}\s*\)$`);
const comparison = new RegExp(String.raw`^${name}\s*([=<])\s*${value}$`);
const keyForm = new RegExp(
  String.raw`^${name}\s*=\s*${value}(?:\s+AND\s+${name}\s+BETWEEN\s+${value}\s+AND\s+${value})?$`,
  'i',
);
const nameForm = new RegExp(`^${name}$`);
/** DynamoDB's own limit. */
const expressionBytesMax = 4_096;

/** Resolves the words of one expression, and then refuses placeholders that the expression does not use. */
const createResolver = ({ names, values }: Placeholders) => {
  const unused = new Set([...Object.keys(names), ...Object.keys(values)]);
  const find = <Content>(from: Readonly<Record<string, Content>>, what: string, word: string) => {
    unused.delete(word);
    const content = from[word];
    if (content === undefined) {
      throw invalid(`An expression attribute ${what} is not defined: ${word}`);
    }
    return content;
  };
  return {
    attribute: (word: string): string => (word.startsWith('#') ? find(names, 'name', word) : word),
    value: (word: string): Value => find(values, 'value', word),
    end: (): void => {
      const [word] = unused;
      if (word !== undefined) throw invalid(`Value provided is unused in expressions: ${word}`);
    },
  };
};
type Resolver = ReturnType<typeof createResolver>;

const notServed = (what: string, text: string) =>
  invalid(`the ${what} "${text}" is not served here`);

const parseTest = (text: string, { attribute, value }: Resolver): Test => {
  const [, absent] = absence.exec(text) ?? [];
  if (absent !== undefined) return { kind: 'absent', attribute: attribute(absent) };
  const [, left, kind, right] = comparison.exec(text) ?? [];
  if (left === undefined || right === undefined) throw notServed('condition', text);
  const test = { attribute: attribute(left), value: value(right) };
  if (kind === '=') return { kind, ...test };
  if (test.value.N === undefined) throw invalid(`${right}: < compares only numbers here`);
  return { kind: '<', ...test };
};

/** Parses an expression, or none. Throws a ValidationException for what the grammar or the placeholders lack. */
const parse = <Result>(
  text: string | undefined,
  placeholders: Placeholders,
  parseText: (text: string, resolver: Resolver) => Result,
): Result | undefined => {
  if (text !== undefined && Buffer.byteLength(text) > expressionBytesMax) {
    throw invalid('Expression size exceeds 4 KB');
  }
  const resolver = createResolver(placeholders);
  const parsed = text === undefined ? undefined : parseText(text.trim(), resolver);
  resolver.end();
  return parsed;
};

/** The condition of a write; `undefined` if it has none. Throws a ValidationException as all parsers here do. */
export const parseCondition = (
  text: string | undefined,
  placeholders: Placeholders,
): Condition | undefined =>
  parse(text, placeholders, (whole, resolver) =>
    whole
      .split(/\s+OR\s+/i)
      .map((all) => all.split(/\s+AND\s+/i).map((test) => parseTest(test, resolver))),
  );

/** The key condition of a Query; `undefined` for a Scan, which has none. */
export const parseKeyCondition = (
  text: string | undefined,
  placeholders: Placeholders,
): KeyCondition | undefined =>
  parse(text, placeholders, (whole, { attribute, value }) => {
    const [, hash, equal, range, low, high] = keyForm.exec(whole) ?? [];
    if (hash === undefined || equal === undefined) throw notServed('key condition', whole);
    const ofHash = { attribute: attribute(hash), value: value(equal) };
    if (range === undefined || low === undefined || high === undefined) return { hash: ofHash };
    return {
      hash: ofHash,
      range: { attribute: attribute(range), low: value(low), high: value(high) },
    };
  });

/** The attributes that a projection names, at the top of an item; `undefined` for all. */
export const parseProjection = (
  text: string | undefined,
  names: Placeholders['names'],
): ReadonlySet<string> | undefined =>
  parse(text, { names, values: {} }, (whole, { attribute }) => {
    const words = whole.split(',').map((word) => word.trim());
    if (!words.every((word) => nameForm.test(word))) {
      throw invalid('ProjectionExpression: it may only name attributes here, separated by commas');
    }
    const attributes = new Set(words.map(attribute));
    if (attributes.size < words.length) {
      throw invalid('ProjectionExpression: two of its paths overlap');
    }
    return attributes;
  });

/** Whether `condition` holds for `item`. An item that is absent has no attributes. */
export const holds = (condition: Condition, item: Item = {}): boolean =>
  condition.some((tests) => tests.every((test) => passes(test, item)));

const passes = (test: Test, item: Item): boolean => {
  const stored = Object.hasOwn(item, test.attribute) ? item[test.attribute] : undefined;
  if (test.kind === 'absent') return stored === undefined;
  if (stored === undefined) return false;
  if (test.kind === '=') return isDeepStrictEqual(stored, test.value);
  return stored.N !== undefined && Number(stored.N) < Number(test.value.N);
};
