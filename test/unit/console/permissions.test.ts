import { describe, expect, it } from '@jest/globals';
import { covers, lacks } from '../../../cli/console/page/permissions.ts';

const caller = { scopes: ['secrets:read'], names: ['app.*'] };

describe('the permissions of a caller', () => {
  it('name the scope that the token lacks, and say whether its names cover a name', () => {
    expect(lacks(caller, 'secrets:write')).toBe('Your token lacks secrets:write.');
    for (const held of ['secrets:read', 'secrets:list'])
      expect(lacks(caller, held)).toBeUndefined();
    expect(lacks({ ...caller, scopes: ['secrets:list'] }, 'secrets:read')).toBe(
      'Your token lacks secrets:read.',
    );
    expect([covers(caller, 'app.token'), covers(caller, 'DB')]).toEqual([true, false]);
  });

  it('forbid nothing while the caller is unknown, because the vault decides', () => {
    expect([lacks(undefined, 'secrets:write'), covers(undefined, 'DB')]).toEqual([undefined, true]);
  });
});
