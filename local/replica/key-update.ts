/**
 * Updates of key attributes. dynoxide 1.2.1 refuses them in single updates and makes them in transactions, where it
 * leaves an item whose keys are not those that it is found by.
 */

import { isWire, refuse, type Wire, type WireReply } from './wire.ts';
import { actionsOf, type Write } from './write.ts';

/** Not the placeholders that are named so. */
const clauses = /(?<![:#\w])(?:SET|REMOVE|ADD|DELETE)\b/i;
/** Of a SET, the values in parentheses; nothing else of an expression holds commas within. */
const parenthesized = /\([^()]*\)/g;

/** The names of the attributes that an expression changes. */
const changedBy = ({ UpdateExpression: expression, ExpressionAttributeNames: names }: Wire) => {
  let flat = String(expression);
  for (let before = ''; before !== flat; ) {
    before = flat;
    flat = flat.replace(parenthesized, '');
  }
  return flat
    .split(clauses)
    .flatMap((clause) => clause.split(','))
    .map((path) => /^\s*(#?\w+)/.exec(path)?.[1] ?? '')
    .map((name) => (isWire(names) && name.startsWith('#') ? String(names[name]) : name));
};

/** The refusal of a write that would change a key; `undefined`: it changes none. */
export const judgeKeys = (
  tables: ReadonlyMap<string, readonly string[]>,
  write: Write,
): { readonly code: string; readonly reply: WireReply } | undefined => {
  for (const { Update: update } of actionsOf(write)) {
    if (update === undefined) continue;
    const keys = tables.get(String(update['TableName'])) ?? [];
    const key = changedBy(update).find((name) => keys.includes(name));
    if (key === undefined) continue;
    const why = `Cannot update attribute ${key}. This attribute is part of the key`;
    const sentence = `One or more parameter values were invalid: ${why}`;
    return { code: 'ValidationException', reply: refuse('ValidationException', sentence) };
  }
  return undefined;
};
