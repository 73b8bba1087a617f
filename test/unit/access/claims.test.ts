import { describe, expect, it } from '@jest/globals';
import { claimAt, matches, prepareValues } from '../../../functions/access/claims.ts';

const isCoveredBy = (text: string, glob: string) => matches(text, prepareValues(glob));

describe('a claim', () => {
  const claims = {
    ref: 'refs/heads/main',
    'kubernetes.io': { namespace: 'prod', serviceaccount: { name: 'deployer' } },
    'https://sts.amazonaws.com/': { aws_account: '1234' },
    'a~b': 'tilde',
    'a~1b': 'tilde and digit',
    nothing: null,
    list: [{ name: 'x' }],
  };

  it.each([
    ['ref', 'refs/heads/main'],
    ['/ref', 'refs/heads/main'],
    ['kubernetes.io', claims['kubernetes.io']],
    ['/kubernetes.io/serviceaccount/name', 'deployer'],
    ['https://sts.amazonaws.com/', { aws_account: '1234' }],
    ['/https:~1~1sts.amazonaws.com~1/aws_account', '1234'],
    ['/a~0b', 'tilde'],
    ['/a~01b', 'tilde and digit'],
  ])('is found at %s', (path, value) => {
    expect(claimAt(claims, path)).toEqual(value);
  });

  it.each([
    ['/nothing/more', '/list/0/name'],
    ['other', '/kubernetes.io/other', '/ref/length', '/list/0', '/list/length'],
    ['toString', '/kubernetes.io/constructor', '__proto__', '/__proto__/toString'],
  ])('is missing at %s, %s and similar paths', (...paths) => {
    for (const path of paths) expect([path, claimAt(claims, path)]).toEqual([path, undefined]);
  });
});

describe('a glob', () => {
  it.each([
    ['refs/heads/main', 'refs/heads/main'],
    ['refs/heads/*', 'refs/heads/main'],
    ['refs/heads/*', 'refs/heads/'],
    ['refs/*/main', 'refs/heads/main'],
    ['refs/tags/v*.*.*', 'refs/tags/v1.20.3'],
    ['*', 'word'],
    ['*', ''],
    ['a*b*c', 'a-b-b-c'],
    ['*ab*ab', 'xabab'],
    ['a**b', 'ab'],
    ['repo:acme/*:environment:prod', 'repo:acme/site:environment:prod'],
  ])('%s covers %j', (glob, text) => {
    expect(isCoveredBy(text, glob)).toBe(true);
  });

  it.each([
    ['refs/heads/main', 'refs/heads/main2'],
    ['refs/heads/*', 'refs/heads/feature/x'],
    ['refs/heads/*', 'refs/heads'],
    ['refs/tags/v*', 'refs/tags/v1.2'],
    ['repo:acme/*', 'repo:acme/site:ref:refs/heads/main'],
    ['a*b*c', 'a-c-b'],
    ['a*b*c', 'a-c'],
    ['a*a*', 'a'],
    ['repo:*', 'repo:acme:prod'],
    ['ab*ba', 'aba'],
    ['*ab', 'abx'],
    ['a.c', 'abc'],
    ['*', 'a/b'],
    ['MAIN*', 'main'],
  ])('%s does not cover %j', (glob, text) => {
    expect(isCoveredBy(text, glob)).toBe(false);
  });

  it('with many stars is compared with a long text without trying every combination', () => {
    expect(isCoveredBy('a'.repeat(8_000), `${'a*'.repeat(250)}b`)).toBe(false);
  });
});

describe('a claim compared with the values in a policy', () => {
  it.each<[unknown, string | boolean | (string | boolean)[]]>([
    ['main', 'main'],
    ['main', ['next', 'main']],
    [['other', 'main'], 'main'],
    [
      ['other', 'main'],
      ['next', 'ma*'],
    ],
    [true, true],
    [[false], [true, false]],
  ])('matches: the claim %j and the values %j', (claim, values) => {
    expect(matches(claim, prepareValues(values))).toBe(true);
  });

  it.each<[unknown, string | boolean | (string | boolean)[]]>([
    [undefined, '*'],
    [null, '*'],
    [1234, '1234'],
    [true, 'true'],
    ['true', true],
    [{ main: 'main' }, 'main'],
    [[], '*'],
    [[['main']], 'main'],
    ['main', []],
  ])('does not match: the claim %j and the values %j', (claim, values) => {
    expect(matches(claim, prepareValues(values))).toBe(false);
  });

  it.each<[number, unknown, string[]]>([
    [1, 'main', ['main', 'next', 'last']],
    [1, 'other', ['main', 'next', 'last']],
    [3, 'other', ['main', 'n*', 'l*']],
    [2, 'none', ['main', 'n*', 'l*']],
    [6, ['a', 'b'], ['main', 'n*', 'l*']],
    [2, [7, true], ['main', 'n*', 'l*']],
    [1, undefined, ['n*']],
    [0, [], ['main', 'n*']],
  ])('takes %d comparisons: the claim %j and the values %j', (comparisons, claim, values) => {
    let counted = 0;
    matches(claim, prepareValues(values), () => {
      counted += 1;
    });
    expect(counted).toBe(comparisons);
  });
});
