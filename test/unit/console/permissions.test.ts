import { describe, expect, it } from '@jest/globals';
import { covers, lacks } from '../../../console/page/permissions.ts';

const caller = { scopes: ['secrets:read'], names: ['app.*'] };

describe('lacks', () => {
  it('names the scope that the token lacks, and nothing if it has the scope', () => {
    expect(lacks(caller, 'secrets:write')).toBe('Your token lacks secrets:write.');
    expect(lacks(caller, 'secrets:read')).toBeUndefined();
  });
});

describe('covers', () => {
  it('tells whether the names of the token cover a name', () => {
    expect([covers(caller, 'app.token'), covers(caller, 'DB')]).toEqual([true, false]);
  });
});

describe('a page that does not know its caller', () => {
  it('forbids nothing, because the vault decides', () => {
    expect([lacks(undefined, 'secrets:write'), covers(undefined, 'DB')]).toEqual([undefined, true]);
  });
});
