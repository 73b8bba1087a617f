import { describe, expect, it } from '@jest/globals';
import { type LocalKeys, parsePolicy } from '../../../functions/access/policy-file.ts';

const issuer = `issuers:
  - id: github
    issuer: https://i.test
    audiences: [vault]
    jwksUrl: https://i.test/keys
    algorithms: [RS256]
    rules:
      - match: { repository_id: "1234", ref: refs/heads/* }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read]
        names: ["app.*"]
`;
const rule = `      - match: { repository_id: "1234", ref: refs/heads/main, actor: x }
        tenant: acme
        subject: "{actor}"
        scopes: [secrets:read]
        names: [OTHER]
`;
const second = issuer.split('\n').slice(1).join('\n').replace('github', 'gitlab');
const local: LocalKeys = { keys: [{}] };
const localEntry = '  - id: local\n    localKey: true\n';

const faultOf = (text: string, given?: LocalKeys): string => {
  try {
    parsePolicy(text, given);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};
/**
 * Returns the fault that is found in the policy `issuer` after these replacements in its text. Each
 * text to replace must occur in it.
 */
const faultWith = (...changes: readonly [string, string][]): string => {
  let text = issuer;
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  return faultOf(text);
};

describe('a policy', () => {
  it('keeps everything that is written in the file', () => {
    expect(parsePolicy(issuer)).toEqual({
      policy: {
        issuers: [
          {
            id: 'github',
            issuer: 'https://i.test',
            audiences: ['vault'],
            jwksUrl: 'https://i.test/keys',
            algorithms: ['RS256'],
            rules: [
              {
                match: { repository_id: '1234', ref: 'refs/heads/*' },
                tenant: 'acme',
                subject: '{repository_id}',
                scopes: ['secrets:read'],
                names: ['app.*'],
              },
            ],
          },
        ],
      },
      warnings: [],
    });
  });

  it.each<[string, string, string]>([
    ['keys in the file', 'jwksUrl: https://i.test/keys', 'jwks: { keys: [{ kty: RSA }] }'],
    ['discovery of keys', 'jwksUrl: https://i.test/keys', 'discovery: true'],
    ['another claim than aud', 'audiences:', 'audienceClaim: client_id\n    audiences:'],
    ['a shared audience', 'audiences:', 'sharedAudience: true\n    audiences:'],
    [
      'a deny-list',
      'rules:',
      'deny: { sub: [x], jti: [], before: 2026-01-01T00:00:00Z }\n    rules:',
    ],
    ['all algorithms', '[RS256]', '[EdDSA, ES256, ES384, RS256]'],
    ['a list of values for a claim', '"1234"', '["1234", true]'],
    ['a pointer to a claim', 'ref:', '/kubernetes.io/namespace:'],
    ['a claim with exact texts in the tenant', 'tenant: acme', 'tenant: "t-{repository_id}"'],
    ['a claim in a name', 'app.*', '{ref}.*'],
    ['two claims in the subject', '{repository_id}', '{repository_id}:{actor}'],
    ['a claim that limits the scopes', 'names:', 'scopesFrom: permissions\n        names:'],
  ])('allows %s', (_, from, to) => {
    expect(faultWith([from, to])).toBe('none');
  });

  it('allows an issuer without rules, whose tokens name tenant, scopes and names in their own claims', () => {
    const text = `${issuer.slice(0, issuer.indexOf('    rules:'))}    vaultClaims: true\n`;
    expect(parsePolicy(text).policy.issuers[0]).toMatchObject({ vaultClaims: true });
  });

  it('may use the key of a machine (localKey) only for a vault on that machine', () => {
    const deny = { sub: ['alice'], jti: ['stolen'], before: '2026-01-01T00:00:00Z' };
    const denying = `${issuer}${localEntry}    deny: ${JSON.stringify(deny)}\n`;
    expect(parsePolicy(denying, local).policy.issuers[1]).toMatchObject({ jwks: local, deny });
    expect(parsePolicy(issuer + localEntry, local).policy.issuers[1]).toEqual({
      id: 'local',
      issuer: 'urn:vault:local',
      audiences: ['vault'],
      algorithms: ['EdDSA'],
      jwks: local,
      vaultClaims: true,
    });
    expect(faultOf(issuer + localEntry)).toBe(
      'line 14: issuers[1].localKey works only for a vault on the machine that has its key',
    );
    expect(faultOf(`${issuer}${localEntry}    rules: []\n`, local)).toBe(
      'line 15: issuers[1].rules is not a known property',
    );
  });

  it('is read with on and yes as text, even if it declares YAML 1.1, where they are booleans', () => {
    const text = `%YAML 1.1\n---\n${issuer.replace('refs/heads/*', '[on, yes, 2026-01-01]')}`;
    expect(parsePolicy(text).policy.issuers).toMatchObject([
      { rules: [{ match: { ref: ['on', 'yes', '2026-01-01'] } }] },
    ]);
  });
});

describe('a faulty policy', () => {
  it.each<[string, string]>([
    ['', 'the policy must be a mapping'],
    ['- a', 'issuers is missing'],
    ['text', 'the policy must be a mapping'],
    ['issuers: 1', 'line 1: issuers must be a list'],
    ['issuers: []', 'line 1: issuers is empty'],
    ['issuers:\n  - text', 'line 2: issuers[0] must be a mapping'],
    ['other: 1\nissuers: []', 'line 2: issuers is empty\nline 1: other is not a known property'],
    ['x'.repeat(262_145), 'has more than 262144 characters'],
    [`issuers: [${'{id: a, localKey: true},'.repeat(21)}]`, 'line 1: issuers has more than 20'],
  ])('is refused for a fault outside the fields of an issuer: case %#', (text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });

  const notYaml = ['issuers: [', 'issuers: 1\nissuers: 2', 'issuers: *none', 'a: b: c', '%\n'];
  notYaml.push('1: a\n"1": b', '? [a]\n: b', 'x: &c constructor\n*c : y', '---\n---', '\ta: b');
  it.each(notYaml)('is refused with a reason if it is not valid YAML: %j', (text) => {
    expect(faultOf(text)).toMatch(/^(line \d: )?is not valid YAML/);
  });

  it.each<[string, string, string]>([
    [
      'id: github',
      'id: GitHub',
      'issuers[0].id must be 1 to 32 of the characters a-z, 0-9 and "-"',
    ],
    ['id: github', 'id: default', 'issuers[0].id is reserved'],
    ['issuer: https://i.test', 'iss: x', 'issuers[0].issuer is missing'],
    ['issuer: https://i.test', 'issuer: 7', 'issuers[0].issuer must be text'],
    ['[vault]', '[]', 'issuers[0].audiences is empty'],
    ['[vault]', 'vault', 'issuers[0].audiences must be a list'],
    ['https://i.test/keys', 'http://i.test/keys', 'issuers[0].jwksUrl must be an https:// address'],
    ['https://i.test/keys', 'https://', 'issuers[0].jwksUrl must be an https:// address'],
    ['i.test/keys', 'me:hunter2@i.test', 'issuers[0].jwksUrl must be an https:// address'],
    ['jwksUrl: https://i.test/keys', 'discovery: false', 'issuers[0].discovery can only be true'],
    [
      'jwksUrl: https://i.test/keys\n',
      '\n',
      'issuers[0] needs exactly one of jwksUrl, jwks and discovery',
    ],
    ['jwksUrl:', 'discovery: true\n    jwksUrl:', 'issuers[0] needs exactly one of jwksUrl'],
    ['jwksUrl: https://i.test/keys', 'jwks: { keys: [] }', 'issuers[0].jwks.keys is empty'],
    [
      'jwksUrl: https://i.test/keys',
      'jwks: { keys: [{ kty: OKP, d: c4n4ry }] }',
      'issuers[0].jwks.keys[0] is not a public key',
    ],
    [
      'jwksUrl: https://i.test/keys',
      'jwks: { keys: [{ kty: oct, k: c4n4ry }] }',
      'issuers[0].jwks.keys[0] is not a public key',
    ],
    [
      'jwksUrl: https://i.test/keys',
      'jwks: { keys: [{ kty: RSA, kid: 20260101 }] }',
      'issuers[0].jwks.keys[0].kid must be text, in quotes',
    ],
    ['[RS256]', '[HS256]', 'issuers[0].algorithms[0] must be one of EdDSA, ES256, ES384, RS256'],
    ['[RS256]', '[]', 'issuers[0].algorithms is empty'],
    ['rules:', 'deny: { subs: [] }\n    rules:', 'issuers[0].deny.subs is not a known property'],
    [
      'rules:',
      'deny: { before: 2026-01-01 }\n    rules:',
      'issuers[0].deny.before must be an inst',
    ],
    ['rules:', 'vaultClaims: true\n    rules:', 'issuers[0] needs either rules or vaultClaims'],
    ['rules:', 'bareSubjects: true\n    rules:', 'issuers[0].bareSubjects is not a known property'],
    ['match: {', 'matches: {', 'issuers[0].rules[0].match is missing'],
    ['{ repository_id: "1234", ref: refs/heads/* }', '{}', 'match must name at least one claim'],
    ['{ repository_id: "1234", ref: refs/heads/* }', '[a, b]', 'match must name claims and their'],
    ['"1234"', '1234', 'match.repository_id must be text, true or false; write a number in quotes'],
    ['"1234"', '[1234]', 'match.repository_id must be text, true or false; write a number in'],
    ['"1234"', '{ a: b }', 'match.repository_id must be text, true or false'],
    ['"1234"', '[]', 'match.repository_id is empty'],
    ['"1234"', '""', 'match.repository_id is empty'],
    ['repository_id:', '/a~2b:', 'is not a claim: write'],
    ['repository_id:', '/a//b:', 'is not a claim: write'],
    ['tenant: acme', 'tenant: a#b', 'rules[0].tenant must be 1 to 64 letters'],
    [
      'tenant: acme',
      'tenant: "{ref}"',
      'inserts a claim into tenant, so match must list exact texts for that claim',
    ],
    ['tenant: acme', 'tenant: "{actor}"', 'inserts a claim into tenant, so match must list'],
    ['tenant: acme', 'tenant: "{a"', 'rules[0].tenant has a brace that is not part of a {claim}'],
    [
      'tenant: acme',
      'tenant: "{}"',
      'rules[0].tenant has a {claim} that is neither the name of a claim',
    ],
    [
      '"{repository_id}"',
      '"{a}{b}"',
      'subject must separate its claims with a character such as ":"',
    ],
    [
      '"{repository_id}"',
      '"{a}-{b}"',
      'subject must separate its claims with a character such as ":"',
    ],
    [
      '[secrets:read]',
      '[secrets:reads]',
      'rules[0].scopes[0] must be one of secrets:read, secrets:l',
    ],
    ['[secrets:read]', '[]', 'rules[0].scopes is empty'],
    ['names: ["app.*"]', 'scopesFrom: x', 'rules[0].names is missing'],
    ['names:', 'scopesFrom: "{scope}"\n        names:', 'rules[0].scopesFrom is not a claim'],
    ['["app.*"]', '[]', 'rules[0].names is empty'],
    ['app.*', 'app.*.x', 'rules[0].names[0] is not a name pattern'],
    ['app.*', '{ref}*', 'names[0] must end or go on with "." after each {claim}'],
    ['app.*', '{ref}_X', 'names[0] must end or go on with "." after each {claim}'],
    ['app.*', '{ref}{actor}', 'names[0] must end or go on with "." after each {claim}'],
  ])('is refused with the line and the field if %j becomes %j', (from, to, fault) => {
    const told = faultWith([from, to]);
    expect(told).toContain(fault);
    expect(told).toMatch(/^line \d+: issuers\[0\]/);
    expect(told).not.toContain('c4n4ry');
  });

  it('is refused if discovery is used with an issuer that is not an https:// address, or has "?" or "#"', () => {
    const fault = faultWith(
      ['issuer: https://i.test', 'issuer: urn:i'],
      ['jwksUrl: https://i.test/keys', 'discovery: true'],
    );
    expect(fault).toContain(
      'uses discovery, so its issuer must be an https:// address without "?" and "#"',
    );
    for (const issuer of ['https://i.test/?a', 'https://i.test/#a', 'http://i.test']) {
      const told = faultWith(
        ['issuer: https://i.test', `issuer: "${issuer}"`],
        ['jwksUrl: https://i.test/keys', 'discovery: true'],
      );
      expect(told).toContain('uses discovery, so its issuer');
    }
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'is refused for the key %s, which would otherwise be ignored silently',
    (key) => {
      const fault = `${key} is not a known property; write the claim as /${key}`;
      expect(faultWith(['{ ', `{ ${key}: x, `])).toBe(`line 8: ${fault}`);
      expect(faultWith(['rules:', `deny: { ${key}: x }\n    rules:`])).toBe(`line 7: ${fault}`);
      expect(faultWith(['{ ', `{ /${key}: x, `])).toBe('none');
    },
  );

  it('is refused if its brackets are nested 5,000 levels deep', () => {
    expect(faultOf('['.repeat(5_000))).toMatch(/^line 1: is not valid YAML/);
  });

  it('is refused if an issuer has neither rules nor vaultClaims', () => {
    const told = faultOf(issuer.slice(0, issuer.indexOf('    rules:')));
    expect(told).toBe('line 2: issuers[0] needs either rules or vaultClaims');
  });

  it('is refused if a tenant inserts a claim for which the rule lists true instead of a text', () => {
    const told = faultWith(['refs/heads/*', 'true'], ['tenant: acme', 'tenant: "{ref}"']);
    expect(told).toContain(
      'inserts a claim into tenant, so match must list exact texts for that claim',
    );
  });

  it('is refused if two issuers have the same id or the same iss', () => {
    expect(faultOf(issuer + second)).toBe(
      'line 14: issuers[1].issuer is also used by another issuer',
    );
    const other = second.replace('https://i.test\n', 'https://i.test/\n');
    expect(faultOf(issuer + other)).toBe('none');
    expect(faultOf(issuer + other.replace('gitlab', 'github'))).toBe(
      'line 13: issuers[1].id is also used by another issuer',
    );
  });

  it('causes one error that lists at most ten faults, each with its line', () => {
    const told = faultWith(['tenant:', 'tenat:'], ['[RS256]', '[X]'], ['app.*', '.']).split('\n');
    expect(told.map((line) => line.slice(0, 8))).toEqual([
      ...['line 6: ', 'line 8: ', 'line 12:', 'line 9: '],
    ]);
    const many = issuer.replace('["app.*"]', `[${'"-", '.repeat(20)}]`);
    expect(faultOf(many).split('\n')).toHaveLength(10);
  });
});

describe('different claim values', () => {
  type Written = { match: string; tenant?: string; subject?: string };
  const ruleOf = ({ match, tenant = 'acme', subject = 'ci' }: Written) =>
    `      - match: { ${match} }\n        tenant: "${tenant}"\n        subject: "${subject}"\n` +
    '        scopes: [secrets:read]\n        names: [A]\n';
  const head = issuer.slice(0, issuer.indexOf('      - match'));
  const withRules = (...rules: readonly Written[]) => head + rules.map(ruleOf).join('');
  const andOther = (text: string) =>
    text.split('\n').slice(1).join('\n').replace('github', 'other').replace('i.test', 'o.test');
  const names = (count: number, letter: string) =>
    Array.from({ length: count }, (_, index) => `${letter}${index}`).join(', ');
  const tenant = '{org}-{env}';
  const [prod, euProd] = ['org: [acme, acme-eu], env: prod', 'org: [acme, acme-eu], env: eu-prod'];

  it.each<[string, string, string]>([
    [
      'within one rule',
      withRules({ match: 'org: [acme, acme-eu], env: [prod, eu-prod]', tenant }),
      'line 9: issuers[0].rules[0].tenant makes "acme-eu-prod" from org "acme-eu" and env "prod", ' +
        'and line 9: issuers[0].rules[0].tenant makes it from org "acme" and env "eu-prod"',
    ],
    [
      'in two rules',
      withRules({ match: prod, tenant }, { match: euProd, tenant }),
      'line 14: issuers[0].rules[1].tenant makes "acme-eu-prod" from org "acme" and env "eu-prod", ' +
        'and line 9: issuers[0].rules[0].tenant makes it from org "acme-eu" and env "prod"',
    ],
    [
      'in the rules of two issuers',
      withRules({ match: prod, tenant }) + andOther(withRules({ match: euProd, tenant })),
      'line 20: issuers[1].rules[0].tenant makes "acme-eu-prod" from org "acme" and env "eu-prod", ' +
        'and line 9: issuers[0].rules[0].tenant makes it from org "acme-eu" and env "prod"',
    ],
    [
      'with two different templates',
      withRules(
        { match: 'org: acme-prod', tenant: '{org}' },
        { match: 'org: acme, env: prod', tenant },
      ),
      'line 14: issuers[0].rules[1].tenant makes "acme-prod" from org "acme" and env "prod", ' +
        'and line 9: issuers[0].rules[0].tenant makes it from org "acme-prod"',
    ],
    [
      'with three templates, of which only the last two conflict',
      withRules(
        { match: 'env: prod', tenant: 'acme-{env}' },
        { match: 'org: acme-prod', tenant: '{org}' },
        { match: 'org: acme, env: prod', tenant },
      ),
      'line 19: issuers[0].rules[2].tenant makes "acme-prod" from org "acme" and env "prod", ' +
        'and line 14: issuers[0].rules[1].tenant makes it from org "acme-prod"',
    ],
    [
      'for a claim that one rule names by its JSON Pointer',
      withRules(
        { match: '/a~1b: acme', tenant: '{/a~1b}-prod' },
        { match: 'a/b: acme-prod', tenant: '{a/b}' },
      ),
      'line 14: issuers[0].rules[1].tenant makes "acme-prod" from a/b "acme-prod", ' +
        'and line 9: issuers[0].rules[0].tenant makes it from /a~1b "acme"',
    ],
  ])('are refused if they make the same tenant %s', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it('are refused if the policy lists them and they make the same subject of one issuer', () => {
    const [first, second] = [
      { match: 'sub: "ci:prod"', subject: '{sub}' },
      { match: 'sub: prod', subject: 'ci:{sub}' },
    ];
    expect(faultOf(withRules(first, second))).toBe(
      'line 15: issuers[0].rules[1].subject makes "ci:prod" from sub "prod", ' +
        'and line 10: issuers[0].rules[0].subject makes it from sub "ci:prod"',
    );
    expect(faultOf(withRules(first) + andOther(withRules(second)))).toBe('none');
    const unlisted = { match: 'sub: ["ci:prod", "x*"]', subject: '{sub}' };
    expect(faultOf(withRules(unlisted, second))).toBe('none');
  });

  it.each<[string, Written[]]>([
    ['make different tenants', [{ match: 'org: [acme, beta], env: [prod, eu-prod]', tenant }]],
    [
      'make one tenant from the same values',
      [
        { match: prod, tenant },
        { match: prod, tenant },
      ],
    ],
    [
      'make one tenant from the same env, with and without org',
      [
        { match: prod, tenant },
        { match: 'env: prod', tenant: 'acme-{env}' },
      ],
    ],
    [
      'name one of the tenants literally',
      [
        { match: prod, tenant },
        { match: euProd, tenant: 'acme-eu-prod' },
      ],
    ],
    [
      'list values with a dot, which no tenant may contain',
      [{ match: 'org: [a.b, a.b-c], env: [d, c-d]', tenant }],
    ],
    [
      'make texts that are too long for a tenant',
      [{ match: `org: [a, a-b], env: [b-${'x'.repeat(64)}, ${'x'.repeat(64)}]`, tenant }],
    ],
    ['insert a claim twice', [{ match: 'org: [acme, acme-acme]', tenant: '{org}-{org}' }]],
    [
      'list texts with a colon, which no subject of two claims may insert',
      [{ match: 'a: ["x:y", x], b: [z, "y:z"]', subject: '{a}:{b}' }],
    ],
    [
      'list true, which no subject may insert',
      [
        { match: 'a: [true, x]', subject: '{a}' },
        { match: 'a: ue', subject: 'tr{a}' },
      ],
    ],
  ])('are accepted in a policy whose rules %s', (_, rules) => {
    expect(faultOf(withRules(...rules))).toBe('none');
  });

  it('may make at most 100,000 combinations, and a template without claims makes one', () => {
    const list = (claim: string, count: number) => `${claim}: [${names(count, claim)}]`;
    const withLast = (count: number) =>
      withRules(
        { match: `${list('a', 50)}, ${list('b', 50)}, ${list('c', 39)}`, tenant: '{a}-{b}-{c}' },
        { match: `${list('d', 50)}, ${list('e', 49)}`, tenant: '{d}-{e}' },
        { match: list('f', count), tenant: '{f}' },
      );
    expect(faultOf(withLast(47))).toBe('none');
    expect(faultOf(withLast(48))).toBe(
      'line 20: issuers[0].rules[2].subject brings the combinations of claim values to more than 100000',
    );
  });
});

describe('a rule that no token reaches', () => {
  it.each(['refs/heads/main', 'refs/heads/v*', '[refs/heads/main, refs/heads/next]'])(
    'is allowed with a warning: ref %s',
    (ref) => {
      expect(parsePolicy(issuer + rule.replace('refs/heads/main', ref)).warnings).toEqual([
        'line 13: issuers[0].rules[1] is never reached: rules[0] matches every token that it matches',
      ]);
    },
  );

  it.each([
    ['"1234"', '"12345"'],
    ['refs/heads/main', 'refs/tags/main'],
    ['refs/heads/main', '[refs/heads/main, refs/tags/x]'],
    ['refs/heads/main', 'refs/*/main'],
    ['ref: refs/heads/main, ', ''],
  ])(
    'is not assumed if the rule matches tokens that no earlier rule matches: %s replaced by %s',
    (from, to) => {
      expect(parsePolicy(issuer + rule.replace(from, to)).warnings).toEqual([]);
    },
  );
});
