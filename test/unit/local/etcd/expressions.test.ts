import { describe, expect, it } from '@jest/globals';
import type { Item } from '../../../../local/etcd/dynamodb-protocol.ts';
import {
  holds,
  parseCondition,
  parseKeyCondition,
  parseProjection,
} from '../../../../local/etcd/expressions.ts';

const item: Item = { a: { N: '2' }, b: { S: 'text' }, c: { B: 'AAEC' }, '9': { N: '1' } };
const all = {
  names: { '#a': 'a', '#none': 'none' } as Readonly<Record<string, string>>,
  values: {
    ':one': { N: '1' },
    ':two': { N: '2' },
    ':ten': { N: '10' },
    ':text': { S: 'text' },
    ':bytes': { B: 'AAEC' },
  } as Item,
};
/** The placeholders that a text uses. */
const usedBy = (text: string) => {
  const only = <Content>(from: Readonly<Record<string, Content>>) =>
    Object.fromEntries(Object.entries(from).filter(([word]) => text.includes(word)));
  return { names: only(all.names), values: only(all.values) };
};
const parse = (text: string) => parseCondition(text, usedBy(text));

describe('a condition', () => {
  it.each([
    ['a = :two', true],
    ['#a = :two', true],
    ['a = :one', false],
    ['a = :text', false],
    ['b = :text', true],
    ['c = :bytes', true],
    ['none = :one', false],
    ['a < :ten', true],
    ['a < :two', false],
    ['b < :ten', false],
    ['none < :one', false],
    ['attribute_not_exists(none)', true],
    ['attribute_not_exists( #a )', false],
    ['attribute_not_exists(constructor)', true],
    [' a=:two  and b\n=\t:text ', true],
    // (a = 1 AND b = text) OR a = 2 holds; a = 1 AND (b = text OR a = 2) does not.
    ['a = :one AND b = :text OR a = :two', true],
    ['a = :two OR b = :text AND a = :one', true],
    ['a = :one OR a = :two AND b = :bytes', false],
  ])('evaluates %j to %s', (text, expected) => {
    expect(holds(parse(text) ?? [], item)).toBe(expected);
  });

  it.each([
    ['attribute_not_exists(a)', true],
    ['a = :two', false],
    ['a < :two', false],
  ])('evaluates %j to %s for an item that is absent', (text, expected) => {
    expect(holds(parse(text) ?? [], undefined)).toBe(expected);
  });

  it.each([
    ['', '"" is not served'],
    ['a', '"a" is not served'],
    ['a =', '"a =" is not served'],
    ['a = :two b', 'not served'],
    ['a == :two', 'not served'],
    ['a = :two AND', '"a = :two AND" is not served'],
    ['AND a = :two', 'not served'],
    ['a = a', '"a = a" is not served'],
    [':two = a', '":two = a" is not served'],
    ['NOT a = :two', '"NOT a = :two" is not served'],
    ['b = :text AND a <> :two', '"a <> :two" is not served'],
    ['a <= :two', '"a <= :two" is not served'],
    ['a > :two', '"a > :two" is not served'],
    ['a >= :two', '"a >= :two" is not served'],
    ['(a = :two)', '"(a = :two)" is not served'],
    ['a IN (:one, :two)', '"a IN (:one, :two)" is not served'],
    ['a BETWEEN :one AND :two', '"a BETWEEN :one" is not served'],
    ['attribute_exists(a)', '"attribute_exists(a)" is not served'],
    ['begins_with(b, :text)', '"begins_with(b, :text)" is not served'],
    ['contains(b, :text)', 'not served'],
    ['size(a) = :two', 'not served'],
    ['a.b = :two', '"a.b = :two" is not served'],
    ['a[0] = :two', 'not served'],
    ['9 = :one', 'not served'],
    ['ä = :two', 'not served'],
    ['a < :text', ':text: < compares only numbers'],
    ['a = :unknown', 'not defined: :unknown'],
    ['#unknown = :two', 'not defined: #unknown'],
    ['a = :constructor', 'not defined: :constructor'],
    [`a = :two${' '.repeat(5_000)}`, '4 KB'],
  ])('fails to parse from %j with a sentence that says %j', (text, said) => {
    expect(() => parse(text)).toThrow(said);
  });

  it.each([
    ['a = :two', { names: { '#a': 'a' }, values: { ':two': { N: '2' } } }, '#a'],
    ['a = :two', { names: {}, values: { ':two': { N: '2' }, ':x': { N: '2' } } }, ':x'],
    [undefined, { names: {}, values: { ':x': { N: '2' } } }, ':x'],
  ])(
    'fails to parse from %j with placeholders that it does not use',
    (text, placeholders, word) => {
      expect(() => parseCondition(text, placeholders)).toThrow(`unused in expressions: ${word}`);
    },
  );
});

describe('a key condition', () => {
  const parseKey = (text: string) => parseKeyCondition(text, usedBy(text));
  const hash = { attribute: 'b', value: { S: 'text' } };

  it('names the hash key, and may bound the range key', () => {
    expect(parseKey('b = :text')).toEqual({ hash });
    const range = { attribute: 'a', low: { N: '1' }, high: { N: '2' } };
    expect(parseKey('b = :text AND #a between :one and :two')).toEqual({ hash, range });
  });

  it.each([
    '',
    'b < :text',
    'b = :text AND a = :one',
    'b = :text AND a < :one',
    'b = :text AND a > :one',
    'b = :text AND begins_with(c, :bytes)',
    'a BETWEEN :one AND :two',
    'b = :text OR a = :one',
    'attribute_not_exists(b)',
  ])('fails to parse from %j with a sentence that quotes it', (text) => {
    expect(() => parseKey(text)).toThrow(`the key condition "${text}" is not served here`);
  });
});

describe('a projection', () => {
  it('names attributes', () => {
    expect(parseProjection(' #a , b', { '#a': 'a' })).toEqual(new Set(['a', 'b']));
    expect(parseProjection(undefined, {})).toBeUndefined();
  });
});
