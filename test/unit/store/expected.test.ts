import { describe, expect, it } from '@jest/globals';
import { isAsExpected } from '../../../functions/store/expected.ts';
import type { Item } from '../../../functions/store/items.ts';
import type { Expected } from '../../../functions/store/ports.ts';

const head: Item = { version: { N: '3' }, writeId: { S: 'w' }, state: { S: 'stored' } };
const record = (second: number): Item => ({ expiresAt: { N: String(second) } });
const version = { is: 'version', version: 3, writeId: 'w', state: 'stored' } as const;
const write = { is: 'write', writeId: 'w', state: 'stored' } as const;
const expired = { is: 'expired', second: 100 } as const;

describe('isAsExpected', () => {
  it.each<[string, Expected, Item | undefined, boolean]>([
    ['no item where none is expected', { is: 'absent' }, undefined, true],
    ['an item where none is expected', { is: 'absent' }, head, false],
    ['the version', version, head, true],
    ['another version of the same write', { ...version, version: 4 }, head, false],
    ['the version of another write', { ...version, writeId: 'x' }, head, false],
    ['the version in another state', { ...version, state: 'deleted' }, head, false],
    ['no item where a version is expected', version, undefined, false],
    ['the write, whatever its version', write, { ...head, version: { N: '9' } }, true],
    ['another write', { ...write, writeId: 'x' }, head, false],
    ['the write in another state', { ...write, state: 'destroyed' }, head, false],
    ['no item where a write is expected', write, undefined, false],
    ['no record', expired, undefined, true],
    ['a record that expired a second before', expired, record(99), true],
    ['a record that expires in this second', expired, record(100), false],
    ['an item that never expires', expired, head, false],
  ])('is decided for %s', (_, expected, item, holds) => {
    expect(isAsExpected(expected, item)).toBe(holds);
  });
});
