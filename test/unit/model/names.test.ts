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
  ])('may be %s', (name) => {
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
    'А', // a Cyrillic letter that looks like A
    '..',
  ])('must not be %j', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('the id of a master key', () => {
  it('is taken from its ARN, without the account', () => {
    expect(keyIdOf('arn:aws:kms:eu-central-1:111122223333:key/1234abcd')).toBe('1234abcd');
    expect(keyIdOf('1234abcd')).toBe('1234abcd');
  });
});

describe('the name of a tenant', () => {
  it.each(['acme', '0', '_', '-', 'A-b_9', 'x'.repeat(64)])('may be %s', (name) => {
    expect(isTenant(name)).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a.b', 'a#b', 'a b', 'a/b', 'acme\n', 'ä'])(
    'must not be %j',
    (name) => {
      expect(isTenant(name)).toBe(false);
    },
  );
});

describe('a pattern of names', () => {
  it.each(['*', 'A', 'A*', 'billing.*', longest, `${'A'.repeat(127)}*`])('may be %s', (pattern) => {
    expect(isNamePattern(pattern)).toBe(true);
  });

  it.each(['', '**', '*A', 'A*B', 'A**', '.*', '0*', '.+', '^A', `${longest}*`, 'A*\n', 'A?'])(
    'must not be %j',
    (pattern) => {
      expect(isNamePattern(pattern)).toBe(false);
    },
  );
});

describe('whether a caller may see a name', () => {
  it('is always true if no patterns are given', () => {
    expect(isNameVisible(undefined, 'A')).toBe(true);
  });

  it('is always false if the list of patterns is empty', () => {
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
  ])('depends on the pattern %s: for %s it is %s', (pattern, name, expected) => {
    expect(isNameVisible([pattern], name)).toBe(expected);
  });

  it('is true if one of several patterns covers the name', () => {
    expect(isNameVisible(['X', 'B*', 'C'], 'BB')).toBe(true);
    expect(isNameVisible(['X', 'B*', 'C'], 'CC')).toBe(false);
  });
});
