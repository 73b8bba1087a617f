import { describe, expect, it } from '@jest/globals';
import { commitIn, requireSet, vaultIdIn } from '../../../functions/model/variables.ts';

describe('requireSet', () => {
  it('names each variable that is missing or empty, in the given order', () => {
    const names = ['C', 'B', 'A'];
    expect(() => requireSet({ A: '', B: 'b', OTHER: '' }, names)).toThrow(
      new Error('missing environment variables: C, A'),
    );
    expect(() => requireSet({ A: 'a', B: 'b', C: 'c' }, names)).not.toThrow();
  });
});

describe('vaultIdIn', () => {
  it.each(['a', 'Z9-', 'x'.repeat(64)])('returns the vault id %s', (id) => {
    expect(vaultIdIn({ VAULT_ID: id })).toBe(id);
  });

  it.each(['x'.repeat(65), 'a b', 'a_b', 'a:b', 'é', 'a\n', '-\0'])(
    'rejects the vault id %j, and says which ones are allowed',
    (id) => {
      expect(() => vaultIdIn({ VAULT_ID: id })).toThrow(
        new Error('VAULT_ID must be 1 to 64 letters, digits or "-"'),
      );
    },
  );

  it.each([{}, { VAULT_ID: '' }])('says that VAULT_ID is missing in %j', (environment) => {
    expect(() => vaultIdIn(environment)).toThrow(
      new Error('missing environment variables: VAULT_ID'),
    );
  });
});

describe('commitIn', () => {
  const commit = 'a1'.repeat(20);

  it('returns the commit, or null if none is set', () => {
    expect(commitIn({ VAULT_COMMIT: commit })).toBe(commit);
    expect([{}, { VAULT_COMMIT: '' }].map(commitIn)).toEqual([null, null]);
  });

  it.each(['main', commit.slice(1), `${commit}0`, commit.toUpperCase(), `${commit}\n`])(
    'refuses %j, which is not a whole commit',
    (text) => {
      expect(() => commitIn({ VAULT_COMMIT: text })).toThrow(
        new Error('VAULT_COMMIT must be 40 hexadecimal digits, as git rev-parse HEAD prints them'),
      );
    },
  );
});
