import { describe, expect, it } from '@jest/globals';
import type { ClaimPolicy, Rule } from '../../../functions/access/policy-types.ts';
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

  it('refuse a token that no rule matches, and name for each rule the first claim that does not match', () => {
    const rules = [rule, { ...rule, match: { ref: 'refs/heads/*', environment: 'test' } }];
    expect(of({ rules }, { repository_id: '12345' })).toEqual({
      mismatches: [
        { rule: 1, claim: 'repository_id' },
        { rule: 2, claim: 'environment' },
      ],
      refusal: { because: 'no_rule' },
    });
  });

  it('match a token only if every claim in their match fits', () => {
    for (const claim of ['repository_id', 'ref']) {
      expect(by({}, { [claim]: undefined })).toMatchObject({ refusal: { because: 'no_rule' } });
    }
  });

  it('refuse a token if the first rule that matches inserts a claim that cannot be used, without trying later rules', () => {
    const rules = [{ ...rule, names: ['{environment}.*'] }, rule];
    expect(of({ rules }, { environment: 'a.b' })).toEqual(
      refused('unfit', { part: 'names', claim: 'environment' }),
    );
  });
});

describe('matching a token against rules', () => {
  /**
   * Rules that all require one of the groups in `values`. The tokens tested against them are in
   * none of these groups.
   */
  const rulesWith = (count: number, values: readonly string[]): readonly Rule[] =>
    Array(count).fill({ ...rule, match: { groups: values } });
  const globs = (count: number) => Array.from({ length: count }, (_, index) => `no-${index}-*`);
  const groups = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);
  const workFor = (rules: readonly Rule[], has: unknown) => {
    const work = { comparisons: 0 };
    const decision = decide({ ...issuer, rules }, { ...claims, groups: has }, work);
    return [work.comparisons, 'refusal' in decision && decision.refusal.because];
  };

  it.each<[string, number, string, readonly Rule[], unknown]>([
    ['no_rule', 10_200, 'one group against 50 globs in each rule', rulesWith(200, globs(50)), 'g0'],
    [
      'no_rule',
      51_200,
      '256 groups against 50 exact texts in each rule, which are compared at once',
      rulesWith(200, groups(50)),
      groups(256).map((g) => `x${g}`),
    ],
    [
      'no_rule',
      100_000,
      'rules that need exactly as many comparisons as are allowed',
      rulesWith(200, globs(49)),
      groups(10),
    ],
    [
      'too_many_comparisons',
      100_000,
      'one rule more than the limit of comparisons allows',
      rulesWith(201, globs(49)),
      groups(10),
    ],
    [
      'too_many_comparisons',
      100_000,
      '256 groups against 50 globs in each rule',
      rulesWith(200, globs(50)),
      groups(256),
    ],
    [
      'too_many_values',
      0,
      'more groups than a claim may have values',
      rulesWith(200, globs(50)),
      groups(257),
    ],
  ])('ends with the refusal %s after %d comparisons: %s', (because, comparisons, _, rules, has) => {
    expect(workFor(rules, has)).toEqual([comparisons, because]);
  });

  it('names the claim that has too many values, whatever later rules say', () => {
    const has = Array(limits.claimValuesMax + 1).fill('a');
    const rules = [{ ...rule, match: { groups: 'a' } }, rule];
    expect(of({ rules }, { groups: has })).toEqual(refused('too_many_values', { claim: 'groups' }));
    expect(of({ rules }, { groups: has.slice(1) })).toMatchObject({ granted: { rule: 1 } });
  });

  it('uses patterns that were parsed once for all tokens', () => {
    const values = ['refs/heads/*'];
    const decideOften = createDecider({ ...issuer, rules: [{ ...rule, match: { ref: values } }] });
    values[0] = 'refs/tags/*';
    expect(decideOften(claims)).toMatchObject({ granted: { rule: 1 } });
  });
});

describe('the audience of a token', () => {
  it('must be listed in the policy', () => {
    expect(of({ audiences: ['other', 'vault'] })).toMatchObject({ granted });
    for (const aud of [undefined, 'other', ['other'], [], 'vault*', [['vault']], { vault: 1 }]) {
      expect([aud, of({}, { aud })]).toEqual([aud, refused('audience')]);
    }
  });

  it('must be the only one, unless the issuer is trusted with shared audiences', () => {
    expect(of({}, { aud: ['vault'] })).toMatchObject({ granted });
    const aud = ['vault', 'https://i.test/userinfo'];
    expect(of({}, { aud })).toEqual(refused('several_audiences'));
    expect(of({ sharedAudience: true }, { aud })).toMatchObject({ granted });
    expect(of({ sharedAudience: true }, { aud: ['a', 'b'] })).toEqual(refused('audience'));
  });

  it('is read from another claim if the policy names one', () => {
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
  ])('refuses a token by its %s before any rule is tried: %j', (name, deny, changed) => {
    expect(of({ deny }, changed)).toEqual(refused('denied', { by: name }));
  });

  it('does not affect a token that it does not list, nor one without sub and jti', () => {
    const deny = { sub: ['repo:acme/site'], jti: [], before: '2027-01-15T08:00:00Z' };
    expect(of({ deny })).toMatchObject({ granted });
    expect(
      of({ deny: { sub: ['undefined'], jti: ['j'] } }, { sub: undefined, jti: undefined }),
    ).toMatchObject({ granted });
  });

  it('also applies to tokens whose own claims name their principal', () => {
    const denied = decide({ ...own, deny: { jti: ['j1'] } }, claims);
    expect(denied).toEqual(refused('denied', { by: 'jti' }));
  });
});

describe('a claim that a rule inserts', () => {
  it('becomes part of the tenant, the subject and the names', () => {
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

  it('can be named by a JSON Pointer', () => {
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
  ])('causes a refusal if it %s', (_, environment) => {
    for (const [part, change] of [
      ['tenant', { tenant: '{environment}' }],
      ['names', { names: ['{environment}.*'] }],
      ['subject', { subject: '{repository_id}:{environment}' }],
    ] as const) {
      expect(by(change, { environment })).toEqual(refused('unfit', { part, claim: 'environment' }));
    }
  });

  it('causes a refusal if it starts a name with a character that names must not start with', () => {
    expect(by({ names: ['{repository_id}.*'] })).toEqual(refused('unfit', { part: 'names' }));
  });

  it('causes a refusal if it makes the tenant too long', () => {
    const environment = 'x'.repeat(65);
    expect(by({ tenant: '{environment}' }, { environment })).toEqual(
      refused('unfit', { part: 'tenant' }),
    );
  });

  it('may be any text that has no control or format characters and is neither empty nor too long, if the subject inserts no other claim', () => {
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
  ])('are reduced to those in the claim that scopesFrom names: %j', (scope, scopes) => {
    expect(by({ scopesFrom }, { scope })).toMatchObject({ granted: { scopes } });
  });

  it.each<[Rule['scopes'], string[]]>([
    [['secrets:list'], ['secrets:list']],
    [['secrets:write'], []],
    [
      ['secrets:list', 'secrets:read'],
      ['secrets:list', 'secrets:read'],
    ],
  ])('%j become %j for a token that asks for secrets:read', (scopes, held) => {
    const scope = 'secrets:read';
    expect(by({ scopesFrom, scopes }, { scope })).toMatchObject({ granted: { scopes: held } });
  });

  it('ignore a scope claim that the rule does not name', () => {
    expect(by({}, { scope: 'secrets:destroy' })).toMatchObject({ granted });
  });
});

describe('a token whose own claims name its principal', () => {
  const itself = {
    aud: 'vault',
    tenant: 'acme',
    sub: 'ci',
    scope: 'secrets:read x',
    names: ['A*'],
  };

  it('gets that principal, with the issuer in its subject unless the issuer has bareSubjects', () => {
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
  ])('is refused if its %s cannot be used: the claim %s in %j', (part, claim, changed) => {
    expect(decide(own, { ...itself, ...changed })).toEqual(refused('unfit', { part, claim }));
  });

  it('causes an exception instead of a refusal if a bug occurs while its claims are read', () => {
    const broken = Object.defineProperty({ ...itself }, 'names', {
      get: () => {
        throw new Error('a bug');
      },
    });
    expect(() => decide(own, broken)).toThrow('a bug');
  });
});
