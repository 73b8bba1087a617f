/**
 * Condition, key condition and filter expressions of DynamoDB, without document paths and `size`. One grammar serves
 * all three:
 *
 *   or         = and { OR and }
 *   and        = not { AND not }
 *   not        = NOT not | primary
 *   primary    = ( or ) | function ( operands ) | operand comparator operand
 *              | operand BETWEEN operand AND operand | operand IN ( operands )
 *   operand    = name | #placeholder | :value
 *
 * Everything else is refused with a ValidationException, so that no expression means less here than on DynamoDB.
 */

import { compareValues } from './attribute-values.ts';
import { type Item, invalid, type Value } from './protocol.ts';

/** The placeholders of a request. */
export type Placeholders = {
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
};

export type Operand = { readonly attribute: string } | { readonly value: Value };
export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type Expression =
  | { readonly kind: 'or' | 'and'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'exists'; readonly attribute: string }
  | { readonly kind: 'begins'; readonly of: Operand; readonly prefix: Operand }
  | { readonly kind: Comparator; readonly left: Operand; readonly right: Operand }
  | {
      readonly kind: 'between';
      readonly of: Operand;
      readonly low: Operand;
      readonly high: Operand;
    }
  | { readonly kind: 'in'; readonly of: Operand; readonly among: readonly Operand[] };

const token = /\s*(?:(<>|<=|>=|[=<>(),])|([#:]?[A-Za-z0-9_]+))/y;
const comparators: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);
const keywords: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'BETWEEN', 'IN']);
const expressionBytesMax = 4_096;

const tokensOf = (text: string): readonly string[] => {
  if (Buffer.byteLength(text) > expressionBytesMax) throw invalid('Expression size exceeds 4 KB');
  const tokens: string[] = [];
  token.lastIndex = 0;
  const end = text.trimEnd().length;
  while (token.lastIndex < end) {
    const match = token.exec(text);
    if (match === null) throw invalid('Invalid expression: it has a part that is not served here');
    tokens.push(match[1] ?? match[2] ?? '');
  }
  if (tokens.length === 0) throw invalid('Invalid expression: it is empty');
  return tokens;
};

/** The placeholders that a parse has used. DynamoDB refuses a request with one that no expression uses. */
export type Used = { readonly names: Set<string>; readonly values: Set<string> };

/** The expression in `text`. Throws a ValidationException for what the grammar or the placeholders do not hold. */
export const parseExpression = (
  text: string,
  placeholders: Placeholders,
  used: Used,
): Expression => {
  const tokens = tokensOf(text);
  let position = 0;
  const peek = () => tokens[position];
  const isKeyword = (word: string) => peek()?.toUpperCase() === word;
  const accept = (word: string): boolean => {
    if (!isKeyword(word)) return false;
    position += 1;
    return true;
  };
  const expect = (word: string): void => {
    if (!accept(word)) throw invalid(`Invalid expression: ${word} is missing`);
  };

  const operand = (): Operand => {
    const word = tokens[position] ?? '';
    position += 1;
    if (word.startsWith(':')) {
      const value = Object.hasOwn(placeholders.values, word)
        ? placeholders.values[word]
        : undefined;
      if (value === undefined)
        throw invalid(`An expression attribute value is not defined: ${word}`);
      used.values.add(word);
      return { value };
    }
    if (word.startsWith('#')) {
      const attribute = Object.hasOwn(placeholders.names, word)
        ? placeholders.names[word]
        : undefined;
      if (attribute === undefined)
        throw invalid(`An expression attribute name is not defined: ${word}`);
      used.names.add(word);
      return { attribute };
    }
    if (!/^[A-Za-z]/.test(word) || keywords.has(word.toUpperCase())) {
      throw invalid('Invalid expression: an attribute or a value is missing');
    }
    return { attribute: word };
  };
  const attribute = (): string => {
    const found = operand();
    if (!('attribute' in found)) throw invalid('Invalid expression: a function takes an attribute');
    return found.attribute;
  };
  const operands = (): readonly Operand[] => {
    const list = [operand()];
    while (accept(',')) list.push(operand());
    return list;
  };

  const functionCall = (name: string): Expression => {
    position += 2;
    const build = (): Expression => {
      if (name === 'attribute_exists') return { kind: 'exists', attribute: attribute() };
      if (name === 'attribute_not_exists') {
        return { kind: 'not', part: { kind: 'exists', attribute: attribute() } };
      }
      if (name !== 'begins_with')
        throw invalid('Invalid expression: the function is not served here');
      const of = operand();
      expect(',');
      return { kind: 'begins', of, prefix: operand() };
    };
    const built = build();
    expect(')');
    return built;
  };

  const primary = (): Expression => {
    if (accept('(')) {
      const inner = or();
      expect(')');
      return inner;
    }
    if (tokens[position + 1] === '(' && !isKeyword('NOT')) return functionCall(peek() ?? '');
    const left = operand();
    if (accept('BETWEEN')) {
      const low = operand();
      expect('AND');
      const high = operand();
      checkBounds(low, high);
      return { kind: 'between', of: left, low, high };
    }
    if (accept('IN')) {
      expect('(');
      const among = operands();
      expect(')');
      return { kind: 'in', of: left, among };
    }
    const comparator = peek() ?? '';
    if (!comparators.has(comparator)) throw invalid('Invalid expression: a comparison is missing');
    position += 1;
    return { kind: comparator as Comparator, left, right: operand() };
  };
  const not = (): Expression => (accept('NOT') ? { kind: 'not', part: not() } : primary());
  const list = (kind: 'or' | 'and', word: string, part: () => Expression): Expression => {
    const parts = [part()];
    while (accept(word)) parts.push(part());
    const [only, ...others] = parts;
    return only !== undefined && others.length === 0 ? only : { kind, parts };
  };
  const and = (): Expression => list('and', 'AND', not);
  const or = (): Expression => list('or', 'OR', and);

  const expression = or();
  if (position < tokens.length) throw invalid('Invalid expression: something follows its end');
  return expression;
};

/** DynamoDB refuses given bounds that no value can lie between. */
const checkBounds = (low: Operand, high: Operand): void => {
  if (!('value' in low && 'value' in high)) return;
  const order = compareValues(low.value, high.value);
  if (order === undefined || order > 0) {
    throw invalid('The BETWEEN operator requires an upper bound that is not below its lower bound');
  }
};
