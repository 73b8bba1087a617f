import { describe, expect, it } from '@jest/globals';
import { isAsExpected } from '../../../functions/store/expected.ts';
import type { Item } from '../../../functions/store/items.ts';
import type { Expected } from '../../../functions/store/ports.ts';

const item: Item = {
  version: { N: '10' },
  writeId: { S: 'w' },
  state: { S: 'stored' },
  expiresAt: { N: '100' },
};
const version = { is: 'version', version: 10, writeId: 'w', state: 'stored' } as const;
const write = { is: 'write', writeId: 'w', state: 'stored' } as const;

describe('an expectation about the item under a key:', () => {
  it.each<[string, Expected, Item | undefined, boolean]>([
    ['"absent" holds where nothing is', { is: 'absent' }, undefined, true],
    ['"absent" fails where an item is', { is: 'absent' }, item, false],
    ['"version" holds for exactly this version', version, item, true],
    ['"version" fails where nothing is', version, undefined, false],
    ['"version" fails for another number', { ...version, version: 1 }, item, false],
    ['"version" fails for another write', { ...version, writeId: 'x' }, item, false],
    ['"version" fails for another state', { ...version, state: 'deleted' }, item, false],
    ['"write" holds for what the write has put', write, item, true],
    ['"write" fails where nothing is', write, undefined, false],
    ['"write" fails for another write', { ...write, writeId: 'x' }, item, false],
    ['"write" fails for another state', { ...write, state: 'destroyed' }, item, false],
    ['"expired" holds where nothing is', { is: 'expired', second: 100 }, undefined, true],
    ['"expired" holds after the last second', { is: 'expired', second: 101 }, item, true],
    ['"expired" fails in the last second', { is: 'expired', second: 100 }, item, false],
    ['"expired" fails for an item that never expires', { is: 'expired', second: 101 }, {}, false],
  ])('%s', (_, expected, stored, holds) => {
    expect(isAsExpected(expected, stored)).toBe(holds);
  });
});
