/** Whether an expression holds for an item, by the rules of DynamoDB. */
import { isDeepStrictEqual } from 'node:util';
import { compareValues } from './attribute-values.ts';
import type { Comparator, Expression, Operand } from './expressions.ts';
import type { Item, Value } from './protocol.ts';

/** Whether `expression` holds for `item`; an item that is absent has no attributes. */
export const holds = (expression: Expression, item: Item | undefined): boolean => {
  const resolve = (operand: Operand): Value | undefined =>
    'value' in operand ? operand.value : item && own(item, operand.attribute);
  switch (expression.kind) {
    case 'or':
      return expression.parts.some((part) => holds(part, item));
    case 'and':
      return expression.parts.every((part) => holds(part, item));
    case 'not':
      return !holds(expression.part, item);
    case 'exists':
      return item !== undefined && own(item, expression.attribute) !== undefined;
    case 'begins':
      return beginsWith(resolve(expression.of), resolve(expression.prefix));
    case 'between': {
      const [of, low, high] = [expression.of, expression.low, expression.high].map(resolve);
      return compares('>=', of, low) && compares('<=', of, high);
    }
    case 'in': {
      const of = resolve(expression.of);
      return expression.among.some((operand) => compares('=', of, resolve(operand)));
    }
    default:
      return compares(expression.kind, resolve(expression.left), resolve(expression.right));
  }
};

const own = (item: Item, name: string): Value | undefined =>
  Object.hasOwn(item, name) ? item[name] : undefined;

/** A comparison with an absent value is false; `<>` is true for values of different types. */
const compares = (how: Comparator, a: Value | undefined, b: Value | undefined): boolean => {
  if (a === undefined || b === undefined) return how === '<>' && a !== b;
  const order = compareValues(a, b);
  const isEqual = order === undefined ? isDeepStrictEqual(a, b) : order === 0;
  if (how === '=') return isEqual;
  if (how === '<>') return !isEqual;
  if (order === undefined) return false;
  if (how === '<') return order < 0;
  if (how === '<=') return order <= 0;
  return how === '>' ? order > 0 : order >= 0;
};

const beginsWith = (value: Value | undefined, prefix: Value | undefined): boolean => {
  if (value?.S !== undefined && prefix?.S !== undefined) return value.S.startsWith(prefix.S);
  if (value?.B === undefined || prefix?.B === undefined) return false;
  const [bytes, start] = [Buffer.from(value.B, 'base64'), Buffer.from(prefix.B, 'base64')];
  return bytes.subarray(0, start.length).equals(start);
};
