import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalNumber,
  checkAttributes,
  compareNumbers,
  compareValues,
  sizeOfItem,
} from '../../../../local/etcd/attribute-values.ts';

describe('a DynamoDB number', () => {
  it.each([
    ['1', '1'],
    ['1.0', '1'],
    ['01', '1'],
    ['-0', '0'],
    ['0.10', '0.1'],
    ['1e3', '1000'],
    ['1E-3', '0.001'],
    ['+5', '5'],
    ['9'.repeat(38), '9'.repeat(38)],
    [`1${'0'.repeat(100)}`, `1${'0'.repeat(100)}`],
  ])('written as %s is stored as %s', (text, stored) => {
    expect(canonicalNumber(text)).toBe(stored);
  });

  it.each(['', 'x', '1x', 'Infinity', 'NaN', '0x10', '1e126', '1e-131', '9'.repeat(39)])(
    'excludes %j',
    (text) => {
      expect(() => canonicalNumber(text)).toThrow();
    },
  );

  it('keeps its order with all of its 38 digits', () => {
    const digits = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const order = Math.sign(compareNumbers(String(a), String(b)));
        expect(order).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    expect(compareNumbers('9'.repeat(38), `${'9'.repeat(37)}8`)).toBeGreaterThan(0);
  });
});

describe('the order of values', () => {
  it('follows UTF-8 for text, and unsigned bytes for binary values', () => {
    // UTF-16 has these two the other way round.
    expect(compareValues({ S: '\u{10000}' }, { S: '\uffff' })).toBeGreaterThan(0);
    expect(compareValues({ B: '/w==' }, { B: 'AA==' })).toBeGreaterThan(0);
    expect(compareValues({ S: '1' }, { N: '1' })).toBeUndefined();
  });
});

describe('the check of attributes', () => {
  it.each([
    [{ a: {} }, 'exactly one'],
    [{ a: { S: 'x', N: '1' } }, 'exactly one'],
    [{ a: 'x' }, 'exactly one'],
    [{ a: { S: 1 } }, 'S must be'],
    [{ a: { S: '\ud800' } }, 'S must be'],
    [{ a: { N: 1 } }, 'N must be'],
    [{ a: { B: '*' } }, 'B must be'],
    [{ a: { BOOL: 'true' } }, 'BOOL must be'],
    [{ a: { NULL: false } }, 'NULL must be'],
    [{ a: { SS: ['x'] } }, 'SS is not served'],
    [{ a: { constructor: 'x' } }, 'constructor is not served'],
    [{ a: { L: {} } }, 'L must be'],
    [{ a: { M: [] } }, 'must be an object'],
    [[], 'must be an object'],
  ])('refuses %j with a sentence that says %j', (attributes, said) => {
    expect(() => checkAttributes(attributes)).toThrow(said);
  });

  it('refuses more than 32 levels of nesting', () => {
    let value: unknown = { S: 'x' };
    for (let level = 0; level < 33; level += 1) value = { L: [value] };
    expect(() => checkAttributes({ a: value })).toThrow('Nesting');
  });

  it('counts the size as the Developer Guide does', () => {
    expect(sizeOfItem({ name: { S: 'é' } })).toBe(4 + 2);
    expect(sizeOfItem({ n: { N: '-123' } })).toBe(1 + 2 + 1 + 1);
    expect(sizeOfItem({ n: { N: '1000' } })).toBe(1 + 1 + 1);
    expect(sizeOfItem({ b: { B: 'AAEC' } })).toBe(1 + 3);
    expect(sizeOfItem({ t: { BOOL: true }, z: { NULL: true } })).toBe(2 + 2);
    expect(sizeOfItem({ l: { L: [{ S: 'x' }] } })).toBe(1 + 3 + 1 + 1);
    expect(sizeOfItem({ m: { M: { k: { S: 'x' } } } })).toBe(1 + 3 + 1 + 1 + 1);
  });
});
