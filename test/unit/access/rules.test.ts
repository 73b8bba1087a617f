import { describe, expect, it } from '@jest/globals';
import type { ClaimPolicy, Rule } from '../../../functions/access/policy.ts';
import { type ComparisonCount, createDecider } from '../../../functions/access/rules.ts';
import { limits } from '../../../functions/model/limits.ts';

const rule: Rule = {
  match: { repository_id: '1234', ref: ['refs/heads/main', 'refs/heads/release-*'] },
  tenant: 'acme',
  subject: '{repository_id}',
  scopes: ['secrets:read', 'secrets:write'],
  names: ['app.*'],
};
const issuer: ClaimPolicy = {
  id: 'github',
  issuer: 'https://i.test',
  audiences: ['vault'],
  rules: [rule],
};
const own: ClaimPolicy = {
  id: 'github',
  issuer: 'https://i.test',
  audiences: ['vault'],
  vaultClaims: true,
};
const claims = {
  aud: 'vault',
  sub: 'repo:acme/site:ref:refs/heads/main',
  iat: 1_800_000_000,
  jti: 'j1',
  repository_id: '1234',
  ref: 'refs/heads/main',
  environment: 'prod',
};
const granted = {
  tenant: 'acme',
  subject: 'github:1234',
  scopes: ['secrets:read', 'secrets:list', 'secrets:write'],
  names: ['app.*'],
  issuer: 'github',
  rule: 1,
};
const decide = (
  policy: ClaimPolicy,
  given: Readonly<Record<string, unknown>>,
  work?: ComparisonCount,
) => createDecider(policy)(given, work);
const by = (change: Partial<Rule>, changed: object = {}) =>
  decide({ ...issuer, rules: [{ ...rule, ...change }] }, { ...claims, ...changed });
const of = (change: object, changed: object = {}) =>
  decide({ ...issuer, ...change }, { ...claims, ...changed });
const refused = (because: string, rest: object = {}) => ({
  mismatches: [],
  refusal: { because, ...rest },
});

describe('the rules of an issuer', () => {
  it('give a token the tenant, subject, scopes and names of the first rule that matches', () => {
    expect(decide(issuer, claims)).toEqual({ mismatches: [], granted });
    const rules = [
      { ...rule, match: { ref: 'refs/heads/next' } },
      rule,
      { ...rule, tenant: 'late' },
    ];
    expect(of({ rules })).toEqual({
      mismatches: [{ rule: 1, claim: 'ref' }],
      granted: { ...granted, rule: 2 },
    });
  });

  it('refuse a token that no rule matches, and name the first claim that differs in each', () => {
    const rules = [rule, { ...rule, match: { ref: 'refs/heads/*', environment: 'test' } }];
    expect(of({ rules }, { repository_id: '12345' })).toEqual({
      mismatches: [
        { rule: 1, claim: 'repository_id' },
        { rule: 2, claim: 'environment' },
      ],
      refusal: { because: 'no_rule' },
    });
  });

  it('need every claim of a match', () => {
    for (const claim of ['repository_id', 'ref']) {
      expect(by({}, { [claim]: undefined })).toMatchObject({ refusal: { because: 'no_rule' } });
    }
  });

  it('decide nothing after a rule whose claims are unfit', () => {
    const rules = [{ ...rule, names: ['{environment}.*'] }, rule];
    expect(of({ rules }, { environment: 'a.b' })).toEqual(
      refused('unfit', { part: 'names', claim: 'environment' }),
    );
  });
});

describe('the work for a token', () => {
  /** Rules that ask for groups which nobody has. */
  const rulesWith = (count: number, values: readonly string[]): readonly Rule[] =>
    Array(count).fill({ ...rule, match: { groups: values } });
  const globs = (count: number) => Array.from({ length: count }, (_, index) => `no-${index}-*`);
  const groups = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);
  const workFor = (rules: readonly Rule[], has: unknown) => {
    const work = { comparisons: 0 };
    const decision = decide({ ...issuer, rules }, { ...claims, groups: has }, work);
    return [work.comparisons, 'refusal' in decision && decision.refusal.because];
  };

  it.each<[string, string, number, readonly Rule[], unknown]>([
    ['stays small for one value', 'no_rule', 10_200, rulesWith(200, globs(50)), 'g0'],
    [
      'takes exact texts as one',
      'no_rule',
      51_200,
      rulesWith(200, groups(50)),
      groups(256).map((g) => `x${g}`),
    ],
    ['may reach its limit', 'no_rule', 100_000, rulesWith(200, globs(49)), groups(10)],
    ['ends at its limit', 'too_many_comparisons', 100_000, rulesWith(201, globs(49)), groups(10)],
    [
      'ends early for many groups',
      'too_many_comparisons',
      100_000,
      rulesWith(200, globs(50)),
      groups(256),
    ],
    [
      'is none for more values than a claim may have',
      'too_many_values',
      0,
      rulesWith(200, globs(50)),
      groups(257),
    ],
  ])('%s: %s after %d comparisons', (_, because, comparisons, rules, has) => {
    expect(workFor(rules, has)).toEqual([comparisons, because]);
  });

  it('names the claim that has too many values, whatever later rules say', () => {
    const has = Array(limits.claimValuesMax + 1).fill('a');
    const rules = [{ ...rule, match: { groups: 'a' } }, rule];
    expect(of({ rules }, { groups: has })).toEqual(refused('too_many_values', { claim: 'groups' }));
    expect(of({ rules }, { groups: has.slice(1) })).toMatchObject({ granted: { rule: 1 } });
  });

  it('does not begin with the patterns, which are split once for all tokens', () => {
    const values = ['refs/heads/*'];
    const decideOften = createDecider({ ...issuer, rules: [{ ...rule, match: { ref: values } }] });
    values[0] = 'refs/tags/*';
    expect(decideOften(claims)).toMatchObject({ granted: { rule: 1 } });
  });
});

describe('the audience of a token', () => {
  it('needs a place in the policy', () => {
    expect(of({ audiences: ['other', 'vault'] })).toMatchObject({ granted });
    for (const aud of [undefined, 'other', ['other'], [], 'vault*', [['vault']], { vault: 1 }]) {
      expect([aud, of({}, { aud })]).toEqual([aud, refused('audience')]);
    }
  });

  it('allows no other audience beside it, unless the issuer is trusted to share', () => {
    expect(of({}, { aud: ['vault'] })).toMatchObject({ granted });
    const aud = ['vault', 'https://i.test/userinfo'];
    expect(of({}, { aud })).toEqual(refused('several_audiences'));
    expect(of({ sharedAudience: true }, { aud })).toMatchObject({ granted });
    expect(of({ sharedAudience: true }, { aud: ['a', 'b'] })).toEqual(refused('audience'));
  });

  it('is another claim if the policy names one', () => {
    const cognito = { audienceClaim: 'client_id', audiences: ['client-1'] };
    expect(of(cognito, { aud: undefined, client_id: 'client-1' })).toMatchObject({ granted });
    expect(of(cognito, { aud: 'client-1' })).toEqual(refused('audience'));
  });
});

describe('the deny-list', () => {
  it.each<[string, object, object]>([
    ['sub', { sub: [claims.sub] }, {}],
    ['jti', { jti: ['j0', 'j1'] }, {}],
    ['before', { before: '2027-01-15T08:00:01Z' }, {}],
    ['before', { before: '2000-01-01T00:00:00Z' }, { iat: undefined }],
    ['before', { before: '2000-01-01T00:00:00Z' }, { iat: '1800000000' }],
  ])('refuses a token by its %s before any rule: %j', (name, deny, changed) => {
    expect(of({ deny }, changed)).toEqual(refused('denied', { by: name }));
  });

  it('lets other tokens pass', () => {
    const deny = { sub: ['repo:acme/site'], jti: [], before: '2027-01-15T08:00:00Z' };
    expect(of({ deny })).toMatchObject({ granted });
    expect(
      of({ deny: { sub: ['undefined'], jti: ['j'] } }, { sub: undefined, jti: undefined }),
    ).toMatchObject({ granted });
  });

  it('holds for tokens that describe themselves too', () => {
    const denied = decide({ ...own, deny: { jti: ['j1'] } }, claims);
    expect(denied).toEqual(refused('denied', { by: 'jti' }));
  });
});

describe('a claim in a rule', () => {
  it('becomes a part of tenant, subject and names', () => {
    const change = {
      match: { environment: ['prod', 'test'] },
      tenant: 't-{environment}',
      subject: '{repository_id}:{environment}',
      names: ['{environment}.*', 'shared.{environment}', 'X'],
    };
    expect(by(change)).toMatchObject({
      granted: {
        tenant: 't-prod',
        subject: 'github:1234:prod',
        names: ['prod.*', 'shared.prod', 'X'],
      },
    });
  });

  it('answers to a JSON Pointer', () => {
    const changed = { 'kubernetes.io': { namespace: 'prod' } };
    const names = ['{/kubernetes.io/namespace}.*'];
    expect(by({ names }, changed)).toMatchObject({ granted: { names: ['prod.*'] } });
  });

  it.each<[string, unknown]>([
    ['is missing', undefined],
    ['is a list', ['prod']],
    ['is an object', { prod: 1 }],
    ['is a number', 7],
    ['is empty', ''],
    ['has a dot', 'a.b'],
    ['has a star', '*'],
    ['has a slash', 'a/b'],
    ['has a line end', 'prod\n'],
    ['has a letter beyond ASCII', 'pröd'],
  ])('refuses the token if it %s', (_, environment) => {
    for (const [part, change] of [
      ['tenant', { tenant: '{environment}' }],
      ['names', { names: ['{environment}.*'] }],
      ['subject', { subject: '{repository_id}:{environment}' }],
    ] as const) {
      expect(by(change, { environment })).toEqual(refused('unfit', { part, claim: 'environment' }));
    }
  });

  it('refuses the token if the name it begins cannot begin so', () => {
    expect(by({ names: ['{repository_id}.*'] })).toEqual(refused('unfit', { part: 'names' }));
  });

  it('refuses the token if the tenant becomes too long', () => {
    const environment = 'x'.repeat(65);
    expect(by({ tenant: '{environment}' }, { environment })).toEqual(
      refused('unfit', { part: 'tenant' }),
    );
  });

  it('accepts any text without control and format characters where a subject inserts no other claim', () => {
    const subject = '{sub}';
    const arn = 'arn:aws:iam::123456789012:role/deployer';
    expect(by({ subject }, { sub: arn })).toMatchObject({ granted: { subject: `github:${arn}` } });
    for (const sub of ['', 'a\nb', 'a\u0000', 'a\u202eb', 'x'.repeat(257)]) {
      expect(by({ subject }, { sub })).toEqual(refused('unfit', { part: 'subject', claim: 'sub' }));
    }
    expect(by({ subject }, { sub: 'x'.repeat(250) })).toEqual(
      refused('unfit', { part: 'subject' }),
    );
  });
});

describe('the scopes of a rule', () => {
  const scopesFrom = 'scope';
  it.each<[unknown, string[]]>([
    ['secrets:read', ['secrets:read', 'secrets:list']],
    ['secrets:list', ['secrets:list']],
    ['openid secrets:read secrets:destroy', ['secrets:read', 'secrets:list']],
    [
      ['secrets:write', 'secrets:read'],
      ['secrets:read', 'secrets:list', 'secrets:write'],
    ],
    ['secrets:readx', []],
    ['', []],
    [undefined, []],
    [{ 'secrets:read': true }, []],
    [7, []],
  ])('shrink to those that the claim names too: %j', (scope, scopes) => {
    expect(by({ scopesFrom }, { scope })).toMatchObject({ granted: { scopes } });
  });

  it.each<[Rule['scopes'], string[]]>([
    [['secrets:list'], ['secrets:list']],
    [['secrets:write'], []],
    [
      ['secrets:list', 'secrets:read'],
      ['secrets:list', 'secrets:read'],
    ],
  ])('%j give %j to a token that names secrets:read', (scopes, held) => {
    const scope = 'secrets:read';
    expect(by({ scopesFrom, scopes }, { scope })).toMatchObject({ granted: { scopes: held } });
  });

  it('ignore a claim that the rule does not name', () => {
    expect(by({}, { scope: 'secrets:destroy' })).toMatchObject({ granted });
  });
});

describe('a token that describes its principal itself', () => {
  const itself = {
    aud: 'vault',
    tenant: 'acme',
    sub: 'ci',
    scope: 'secrets:read x',
    names: ['A*'],
  };

  it('has the principal that it describes, with the issuer in the subject', () => {
    expect(decide(own, itself)).toEqual({
      mismatches: [],
      granted: {
        tenant: 'acme',
        subject: 'github:ci',
        scopes: ['secrets:read', 'secrets:list', 'x'],
        names: ['A*'],
        issuer: 'github',
        rule: undefined,
      },
    });
    expect(decide({ ...own, bareSubjects: true }, itself)).toMatchObject({
      granted: { subject: 'ci' },
    });
  });

  it.each([
    ['tenant', 'tenant', { tenant: 'a#b' }],
    ['subject', 'sub', { sub: '' }],
    ['subject', 'sub', { sub: 'x'.repeat(250) }],
    ['scopes', 'scope', { scope: ['secrets:read'] }],
    ['names', 'names', { names: '*' }],
  ])('gets nothing if its %s is unfit: the claim %s in %j', (part, claim, changed) => {
    expect(decide(own, { ...itself, ...changed })).toEqual(refused('unfit', { part, claim }));
  });

  it('hides no bug behind a refusal', () => {
    const broken = Object.defineProperty({ ...itself }, 'names', {
      get: () => {
        throw new Error('a bug');
      },
    });
    expect(() => decide(own, broken)).toThrow('a bug');
  });
});
