import { describe, expect, it } from '@jest/globals';
import { holds } from '../../../../local/etcd/evaluation.ts';
import { parseExpression } from '../../../../local/etcd/expressions.ts';
import type { Item } from '../../../../local/etcd/protocol.ts';

const item: Item = { a: { N: '2' }, b: { S: 'text' }, c: { B: 'AAEC' }, d: { BOOL: true } };
const values: Item = {
  ':one': { N: '1' },
  ':two': { N: '2.0' },
  ':three': { N: '3' },
  ':text': { S: 'text' },
  ':te': { S: 'te' },
  ':bytes': { B: 'AAE=' },
  ':true': { BOOL: true },
};
const names = { '#a': 'a', '#none': 'none' };
const parse = (text: string) =>
  parseExpression(text, { names, values }, { names: new Set(), values: new Set() });
const evaluate = (text: string) => holds(parse(text), item);
const evaluateAbsent = (text: string) => holds(parse(text), undefined);

describe('an expression', () => {
  it.each([
    ['a = :two', true],
    ['#a = :two', true],
    ['a = :one', false],
    ['a <> :one', true],
    ['a <> :text', true],
    ['none <> :one', true],
    ['none = :one', false],
    ['none < :one', false],
    ['a < :text', false],
    ['a > :one', true],
    ['a >= :two', true],
    ['a <= :two', true],
    ['a < :two', false],
    ['d = :true', true],
    ['a BETWEEN :one AND :three', true],
    ['a BETWEEN :three AND :three', false],
    ['a IN (:one, :two)', true],
    ['a IN (:one, :three)', false],
    ['begins_with(b, :te)', true],
    ['begins_with(b, :text)', true],
    ['begins_with(c, :bytes)', true],
    ['begins_with(a, :te)', false],
    ['attribute_exists(a)', true],
    ['attribute_exists(#none)', false],
    ['attribute_not_exists(none)', true],
    ['NOT a = :two', false],
    ['NOT NOT a = :two', true],
    [':one < a', true],
    ['a = a', true],
    [' ( ( a=:two ) ) ', true],
    ['a between :one and :three and b = :text', true],
  ])('evaluates %s to %s', (text, expected) => {
    expect(evaluate(text)).toBe(expected);
  });

  it('binds NOT before AND and AND before OR', () => {
    // (a = 1 AND b = text) OR a = 2 holds; a = 1 AND (b = text OR a = 2) does not.
    expect(evaluate('a = :one AND b = :text OR a = :two')).toBe(true);
    expect(evaluate('a = :two OR b = :text AND a = :one')).toBe(true);
    expect(evaluate('a = :one AND (b = :text OR a = :two)')).toBe(false);
    // (NOT a = 1) AND a = 1 does not hold; NOT (a = 1 AND a = 1) does.
    expect(evaluate('NOT a = :one AND a = :one')).toBe(false);
    expect(evaluate('NOT (a = :one AND a = :one)')).toBe(true);
  });

  it('finds no attribute of an item that is absent', () => {
    expect(evaluateAbsent('attribute_not_exists(a)')).toBe(true);
    expect(evaluateAbsent('a = :two')).toBe(false);
    expect(evaluateAbsent('a <> :two')).toBe(true);
  });

  it('finds no attribute that every object of JavaScript has', () => {
    expect(evaluate('attribute_exists(constructor)')).toBe(false);
    expect(evaluate('attribute_exists(toString)')).toBe(false);
  });

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['a', 'comparison'],
    ['a =', 'missing'],
    ['= a', 'missing'],
    ['a = :two b', 'follows its end'],
    ['a = :two)', 'follows its end'],
    ['(a = :two', ') is missing'],
    ['a == :two', 'missing'],
    ['a = :unknown', 'not defined: :unknown'],
    ['#unknown = :two', 'not defined: #unknown'],
    [':constructor = :two', 'not defined: :constructor'],
    ['a.b = :two', 'not served'],
    ['a[0] = :two', 'not served'],
    ['size(a) > :one', 'not served'],
    ['contains(b, :te)', 'not served'],
    ['attribute_exists(:two)', 'takes an attribute'],
    ['a BETWEEN :one', 'AND is missing'],
    ['a BETWEEN :three AND :one', 'not below its lower bound'],
    ['a BETWEEN :one AND :text', 'not below its lower bound'],
    ['a IN :one', '( is missing'],
    ['a IN ()', 'missing'],
    ['AND a = :two', 'missing'],
    ['a = :two AND', 'missing'],
    ['ä = :two', 'not served'],
    ['a = :two; b = :text', 'not served'],
    [`a = :two${' '.repeat(5_000)}`, '4 KB'],
  ])('fails to parse from %j with a sentence that says %j', (text, said) => {
    expect(() => parse(text)).toThrow(said);
  });

  it('tells which placeholders it used', () => {
    const used = { names: new Set<string>(), values: new Set<string>() };
    parseExpression('#a = :two AND attribute_exists(b)', { names, values }, used);
    expect([...used.names, ...used.values]).toEqual(['#a', ':two']);
  });
});
