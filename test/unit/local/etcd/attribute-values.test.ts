import { describe, expect, it } from '@jest/globals';
import { checkAttributes, sizeOfItem } from '../../../../local/etcd/attribute-values.ts';

describe('the check of attributes', () => {
  it.each([
    [{ a: {} }, 'exactly one'],
    [{ a: { S: 'x', N: '1' } }, 'exactly one'],
    [{ a: 'x' }, 'exactly one'],
    [{ a: { S: 1 } }, 'S must be'],
    [{ a: { S: '\ud800' } }, 'S must be'],
    ...[1, '', 'x', '1x', '01', '-0', '+5', '1.0', '0.1', '1e3', 'NaN', ' 1'].map(
      (N): [object, string] => [{ a: { N } }, 'N must be a safe integer'],
    ),
    [{ a: { N: '9007199254740992' } }, 'N must be a safe integer'],
    [{ a: { N: '9'.repeat(38) } }, 'N must be a safe integer'],
    [{ a: { B: '*' } }, 'B must be'],
    [{ a: { BOOL: true } }, 'BOOL is not served'],
    [{ a: { NULL: true } }, 'NULL is not served'],
    [{ a: { SS: ['x'] } }, 'SS is not served'],
    [{ a: { constructor: 'x' } }, 'constructor is not served'],
    [{ a: { L: {} } }, 'L must be'],
    [{ a: { M: [] } }, 'must be an object'],
    [[], 'must be an object'],
  ])('refuses %j with a sentence that says %j', (attributes, said) => {
    expect(() => checkAttributes(attributes)).toThrow(said);
  });

  it.each(['0', '7', '-10', '9007199254740991', '-9007199254740991'])(
    'accepts the number %s as it is spelled',
    (N) => {
      expect(checkAttributes({ a: { N } })).toEqual({ a: { N } });
    },
  );

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
    expect(sizeOfItem({ n: { N: '0' } })).toBe(1 + 1);
    expect(sizeOfItem({ l: { L: [{ S: 'x' }] } })).toBe(1 + 3 + 1 + 1);
    expect(sizeOfItem({ m: { M: { k: { S: 'x' } } } })).toBe(1 + 3 + 1 + 1 + 1);
  });
});
