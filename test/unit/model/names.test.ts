import { describe, expect, it } from '@jest/globals';
import {
  isNamePattern,
  isNameVisible,
  isSecretName,
  isTenant,
  keyIdOf,
} from '../../../functions/model/types.ts';

const longest = 'A'.repeat(128);

describe('the name of a secret', () => {
  it.each([
    'A',
    '_',
    'DB_PASSWORD',
    'billing.stripe-key',
    'a0',
    'constructor',
    '__proto__',
    'toString',
    longest,
  ])('accepts %s', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each([
    '',
    `${longest}A`,
    '0A',
    '.A',
    '-A',
    'A B',
    'A/B',
    'A%2FB',
    'A#B',
    'A*',
    '*',
    'A\n',
    '\nA',
    'A\u0000',
    'Ä',
    'А', // Cyrillic
    '..',
  ])('excludes %j', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('the id of a master key', () => {
  it('leaves out the account', () => {
    expect(keyIdOf('arn:aws:kms:eu-central-1:111122223333:key/1234abcd')).toBe('1234abcd');
    expect(keyIdOf('1234abcd')).toBe('1234abcd');
  });
});

describe('the name of a tenant', () => {
  it.each(['acme', '0', '_', '-', 'A-b_9', 'x'.repeat(64)])('accepts %s', (name) => {
    expect(isTenant(name)).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a.b', 'a#b', 'a b', 'a/b', 'acme\n', 'ä'])(
    'excludes %j',
    (name) => {
      expect(isTenant(name)).toBe(false);
    },
  );
});

describe('a pattern of names', () => {
  it.each(['*', 'A', 'A*', 'billing.*', longest, `${'A'.repeat(127)}*`])(
    'accepts %s',
    (pattern) => {
      expect(isNamePattern(pattern)).toBe(true);
    },
  );

  it.each(['', '**', '*A', 'A*B', 'A**', '.*', '0*', '.+', '^A', `${longest}*`, 'A*\n', 'A?'])(
    'excludes %j',
    (pattern) => {
      expect(isNamePattern(pattern)).toBe(false);
    },
  );
});

describe('the visibility of a name', () => {
  it('includes every name if no patterns are given', () => {
    expect(isNameVisible(undefined, 'A')).toBe(true);
  });

  it('excludes every name if the list of patterns is empty', () => {
    expect(isNameVisible([], 'A')).toBe(false);
    expect(isNameVisible([], 'constructor')).toBe(false);
  });

  it.each([
    ['*', 'A', true],
    ['*', 'constructor', true],
    ['A', 'A', true],
    ['A', 'AB', false],
    ['AB', 'A', false],
    ['a', 'A', false],
    ['A*', 'A', true],
    ['A*', 'AB', true],
    ['A*', 'BA', false],
    ['A*', 'a', false],
    ['AB*', 'A', false],
    ['billing.*', 'billing.key', true],
    ['billing.*', 'billing.', true],
    ['billing.*', 'billing', false],
    ['billing.*', 'billingXkey', false],
    ['constructor', 'constructor', true],
    ['construct', 'constructor', false],
  ])('follows the pattern %s: %s is visible: %s', (pattern, name, expected) => {
    expect(isNameVisible([pattern], name)).toBe(expected);
  });

  it('requires one of several patterns', () => {
    expect(isNameVisible(['X', 'B*', 'C'], 'BB')).toBe(true);
    expect(isNameVisible(['X', 'B*', 'C'], 'CC')).toBe(false);
  });
});
