import { describe, expect, it } from '@jest/globals';
import { covers, lacks } from '../../../console/page/permissions.ts';

const caller = { scopes: ['secrets:read'], names: ['app.*'] };

describe('the permissions of a caller', () => {
  it('name the scope that the token lacks, and tell whether its names cover a name', () => {
    expect(lacks(caller, 'secrets:write')).toBe('Your token lacks secrets:write.');
    expect(lacks(caller, 'secrets:read')).toBeUndefined();
    expect([covers(caller, 'app.token'), covers(caller, 'DB')]).toEqual([true, false]);
  });

  it('forbid nothing while the caller is not known, because the vault decides', () => {
    expect([lacks(undefined, 'secrets:write'), covers(undefined, 'DB')]).toEqual([undefined, true]);
  });
});
