/** A vault with an access policy: a token gets exactly what the first matching rule gives it. */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from '@jest/globals';
import { openDsvault } from '../support/dsvault.ts';
import { logged } from '../support/log-lines.ts';
import { makePolicyIssuer } from '../support/policy-issuer.ts';
import { providers } from '../support/provider-tokens.ts';
import {
  describeLocal,
  isLocal,
  type Reply,
  useVault,
  withoutRequestId,
} from '../support/running-vault.ts';
import { type Claims, issueToken } from '../support/tokens.ts';
import { untilSeen } from '../support/until.ts';

const iss = 'https://token.actions.githubusercontent.com';
const github = makePolicyIssuer('github', iss, 'RS256');
const forge = makePolicyIssuer('forge', 'https://forge.test');
const lost = makePolicyIssuer('lost', 'https://lost.test');
/**
 * The policy of docs/access.md with test keys, plus rules for the tests of writes and of claims
 * inserted into templates.
 */
const policy = `issuers:
  - id: local
    localKey: true
  - id: github
    issuer: ${iss}
    audiences: [vault]
    jwks: ${JSON.stringify(github.entry['jwks'])}
    algorithms: [RS256]
    deny: { sub: ["repo:octo-org/gone:ref:refs/heads/main"], jti: [stolen], before: 2026-01-01T00:00:00Z }
    rules:
      - match: { repository_id: "1234", ref: refs/heads/main }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read]
        names: ["app.*"]
      - match: { repository_id: "1234", ref: refs/heads/release-* }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read, secrets:write]
        names: ["{environment}.*"]
  - id: forge
    issuer: https://forge.test
    audiences: [vault]
    jwks: ${JSON.stringify(forge.entry['jwks'])}
    algorithms: [EdDSA]
    rules:
      - match: { repository_id: "1234" }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read, secrets:write]
        names: ["prod.*"]
  - id: lost
    issuer: https://lost.test
    audiences: [vault]
    jwksUrl: https://127.0.0.1:2/keys
    algorithms: [EdDSA]
    rules:
      - match: { repository_id: "1234" }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read]
        names: ["app.*"]
`;
const vault = useVault(() => policy);

const { exp: _, nbf: __, iat: ___, ...documented } = providers.github.claimsOf();
/** The claims that GitHub documents, for this vault and a repository that the policy names. */
const claims: Claims = { ...documented, aud: 'vault', repository_id: '1234' };
const githubToken = (change: Claims = {}) => github.token({ ...claims, ...change });
const release = { ref: 'refs/heads/release-7' };
const localToken = (tenant: string, change: Claims = {}) =>
  issueToken(vault.dataDir, { tenant, ...change });

const get = (token: string, path: string) => vault.call('GET', path, { token });
const read = async (token: string, name: string) =>
  (await get(token, `/v1/secrets/${name}`)).json.value;
beforeAll(async () => {
  if (!isLocal) return;
  for (const [tenant, name] of [
    ['acme', 'app.DB'],
    ['acme', 'app.KEY'],
    ['acme', 'apps'],
    ['acme', 'OTHER.DB'],
    ['globex', 'app.DB'],
    ['globex', 'app.ONLY'],
  ] as const) {
    const [token, path] = [localToken(tenant), `/v1/secrets/${name}`];
    const value = `${tenant} ${name}`;
    await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'first' } });
    await vault.call('PUT', path, { token, body: { value } });
  }
});

describeLocal('a token of GitHub Actions', () => {
  // Shows G7.
  it('reads exactly the secrets app.* of tenant acme', async () => {
    const token = githubToken();
    expect((await get(token, '/v1/secrets')).json.names).toEqual(['app.DB', 'app.KEY']);
    for (const name of ['app.DB', 'app.KEY']) {
      const value = `acme ${name}`;
      expect(await read(token, name)).toBe(value);
      const { versions } = (await get(token, `/v1/secrets/${name}/versions?include=values`)).json;
      expect(versions?.map((version) => version.value)).toEqual([value, 'first']);
    }
    for (const query of ['include=details', 'state=deleted', 'prefix=OTHER']) {
      expect((await get(token, `/v1/secrets?${query}`)).text).not.toMatch(/OTHER\.DB|apps|ONLY/);
    }
  });

  it('sees who it is, and the status without the parts for operators', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 60;
    expect((await get(githubToken({ exp }), '/v1/whoami')).json).toEqual({
      issuer: 'github',
      rule: 1,
      tenant: 'acme',
      subject: 'github:1234',
      scopes: ['secrets:read', 'secrets:list'],
      names: ['app.*'],
      expires: new Date(1_000 * exp).toISOString(),
    });
    // The status is briefly degraded when a probe takes more than a second.
    const { json } = await untilSeen(
      () => get(githubToken(), '/v1/status'),
      ({ status }) => status === 200,
    );
    expect(Object.keys(json).sort()).toEqual(['commit', 'masterKey', 'status', 'store', 'version']);
  });
});

describeLocal('two issuers whose tokens have the same claims', () => {
  const github1234 = () => githubToken(release);
  const forge1234 = () => forge.token({ ...claims, ...release, iss: 'https://forge.test' });
  const put = (token: string, value: string, key: string) =>
    vault.call('PUT', '/v1/secrets/prod.BOTH', {
      token,
      body: { value },
      headers: { 'Idempotency-Key': key },
    });

  // Shows G7.
  it('share neither idempotency keys nor a subject in the history', async () => {
    const key = randomUUID();
    const body = { name: 'prod.BOTH', value: 'first' };
    await vault.call('POST', '/v1/secrets', { token: localToken('acme'), body });
    const replies: Reply[] = [];
    for (const [token, value] of [
      [github1234(), 'of github'],
      [forge1234(), 'of forge'],
      [github1234(), 'of github'],
      [forge1234(), 'of forge'],
    ] as const) {
      replies.push(await put(token, value, key));
    }
    const told = replies.map(({ status, json, headers }) => [
      status,
      json.version,
      headers.get('idempotency-replayed'),
    ]);
    expect(told).toEqual([
      [200, 2, undefined],
      [200, 3, undefined],
      [200, 2, 'true'],
      [200, 3, 'true'],
    ]);
    const { versions } = (await get(github1234(), '/v1/secrets/prod.BOTH/versions')).json;
    expect(versions?.map(({ createdBy }) => createdBy)).toEqual([
      'forge:1234',
      'github:1234',
      'local:alice',
    ]);
  });
});

describeLocal('a token that the policy does not accept', () => {
  const nowS = Math.floor(Date.now() / 1_000);
  /** A text in the claims of the tokens below. No log line may show it. */
  const canary = `c4n4ry-${randomUUID()}`;
  const impostor = makePolicyIssuer('github', iss, 'RS256');
  const edited = (change: Claims) => () =>
    githubToken({ actor: canary, sub: `repo:${canary}`, ...change });
  // One example of each kind, with the reason in the log. test/contract/why.test.ts has all
  // reasons.
  const bad: Readonly<Record<string, readonly [token: () => string, why: string, issuer: string]>> =
    {
      'of an unknown issuer': [edited({ iss: `https://${canary}.test` }), 'no_issuer', '-'],
      'of another branch': [edited({ ref: canary }), 'no_rule 1:ref 2:ref', 'github'],
      'with a denied sub': [
        edited({ sub: 'repo:octo-org/gone:ref:refs/heads/main' }),
        'denied sub',
        'github',
      ],
      'with a star in a claim that a rule inserts': [
        edited({ ...release, environment: '*' }),
        'unfit names environment 1:ref',
        'github',
      ],
      'signed by another key': [
        () => impostor.token({ ...claims, actor: canary }),
        'signature',
        'github',
      ],
      'that is for another audience and expired': [
        edited({ aud: canary, exp: nowS - 60 }),
        'expired',
        'github',
      ],
      'of this machine with an invalid tenant': [
        () => localToken('acme', { tenant: `#${canary}` }),
        'unfit tenant tenant',
        'local',
      ],
    };

  // Shows G7.
  it.each(Object.keys(bad))(
    '%s gets the same 401 as text that is no token, and does not appear in the log',
    async (what) => {
      const token = bad[what]?.[0]() ?? '';
      const reply = await get(token, '/v1/secrets/app.DB');
      const any = await get('any', '/v1/secrets/app.DB');
      expect(any).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      expect(withoutRequestId(reply)).toBe(withoutRequestId(any));
      const [{ request }, usual] = [await logged(vault, reply), await logged(vault, any)];
      const reason = {
        issuer: '',
        cause: '',
        why: '',
        by: '',
        mismatches: [],
      };
      expect({ ...request, ...reason }).toEqual({
        ...{ ...usual.request, ...reason },
        ...{ ms: request['ms'], timestamp: request['timestamp'] },
        ...{ requestId: request['requestId'], seq: request['seq'], prev: request['prev'] },
      });
      const lines = vault.lines().join('\n');
      for (const part of [...token.split('.'), canary]) expect(lines).not.toContain(part);
    },
  );

  // Shows G14.
  it("is explained by dsvault log refusals, without the token and without any claim's value", async () => {
    const replies = Object.values(bad).map(async ([token, why, issuer]) => {
      const reply = await get(token(), '/v1/secrets/app.DB');
      await logged(vault, reply);
      return [reply.json.requestId, ['401', 'unauthenticated', why, 'get-secret', issuer]] as const;
    });
    const expected = await Promise.all(replies);
    const dsvault = openDsvault({ VAULT_DATA_DIR: vault.dataDir });
    const { stdout } = await dsvault.run(['log', 'refusals', '--for', 'start']);
    const told = stdout.split('\n').map((line) => {
      const [, status, code, why, operation, , , , issuer, , requestId] = line.split(/ {2,}/);
      return [requestId, [status, code, why, operation, issuer]] as const;
    });
    const toldOf = new Map(told);
    expect(expected.map(([id = '']) => [id, toldOf.get(id)])).toEqual(expected);
    expect(stdout).not.toContain(canary);
  });

  it('is refused with the reason that it has expired if it is for this vault and signed by its issuer', async () => {
    const { status, json } = await get(githubToken({ exp: nowS - 60 }), '/v1/secrets/app.DB');
    expect([status, json.detail]).toEqual([401, 'the token has expired']);
  });
});

describeLocal('a token whose issuer’s keys cannot be fetched', () => {
  it('is answered with 503, while tokens of other issuers work', async () => {
    const theirs = lost.token({ ...claims, iss: 'https://lost.test' });
    const path = '/v1/secrets/app.DB';
    const [unreachable, known, unknown] = await Promise.all([
      get(theirs, path),
      get(githubToken(), path),
      get(lost.token({ ...claims, iss: 'https://lost.test/' }), path),
    ]);
    expect(unreachable).toMatchObject({ status: 503, json: { code: 'identity_unavailable' } });
    expect([known?.status, unknown?.status]).toEqual([200, 401]);
    expect((await logged(vault, unreachable as Reply)).request).not.toHaveProperty('issuer');
    expect(vault.lines().join('\n')).not.toContain('lost.test');
  });
});

describeLocal('a policy file that changes while the vault runs', () => {
  const write = (text: string) => writeFileSync(vault.policyFile, text);
  const operator = () => localToken('acme', { scope: 'vault:status' });
  const statusOf = async () => (await get(operator(), '/v1/status')).json.policy;
  const token = githubToken();
  /**
   * Sends requests as three callers, again and again, until the vault's status shows the expected
   * change of the policy. Returns the policy's last status and the status codes of all replies.
   */
  const during = async (
    isDone: (told: { digest: string | null; fault: string | null }) => boolean,
  ) => {
    const statuses: number[] = [];
    const last = await untilSeen(
      async () => {
        const [told, ...replies] = await Promise.all([
          statusOf(),
          get(token, '/v1/secrets/app.DB'),
          get(githubToken(release), '/v1/secrets'),
          vault.call('GET', '/v1/secrets', { token: localToken('acme') }),
        ]);
        statuses.push(...replies.map(({ status }) => status));
        return told;
      },
      (told) => told !== undefined && isDone(told),
    );
    return { last, statuses: [...new Set(statuses)].sort() };
  };
  /** Waits until the log has this many lines about the policy at this level, and returns them. */
  const policyLines = (level: string, count: number) =>
    untilSeen(
      () => {
        const lines = vault.lines().filter((line) => line.includes('"message":"policy"'));
        return lines.map((line) => JSON.parse(line)).filter((line) => line.level === level);
      },
      ({ length }) => length === count,
    );

  it('keeps the old rules while the file is faulty, and applies the new ones to every token once it is correct', async () => {
    const before = await statusOf();
    expect(before).toMatchObject({ source: 'file', fault: null });
    const text = readFileSync(vault.policyFile, 'utf8');

    write(text.replace('names: ["app.*"]', 'names: ["."]'));
    const faulty = await during(({ fault }) => fault !== null);
    expect(faulty.statuses).toEqual([200]);
    const fault = expect.stringMatching(
      /access\.yaml: line 15: .*names\[0\] is not a name pattern/,
    );
    expect(faulty.last).toEqual({ ...before, fault });
    expect(await policyLines('WARN', 1)).toMatchObject([{ fault }]);

    write(text.replace('names: ["app.*"]', 'names: ["OTHER.*"]'));
    const mended = await during((told) => told.fault === null);
    // Requests get the secret (200) until the new rule hides it (404). No other answer may occur in
    // between.
    expect(mended.statuses).toEqual(expect.arrayContaining([200]));
    expect(mended.statuses.filter((status) => ![200, 404].includes(status))).toEqual([]);
    expect(mended.last?.digest).not.toBe(before?.digest);
    const used = [before, mended.last].map((told) => ({ digest: told?.digest }));
    expect(await policyLines('INFO', 2)).toMatchObject(used);
    expect((await get(token, '/v1/secrets/app.DB')).status).toBe(404);
    expect(await read(token, 'OTHER.DB')).toBe('acme OTHER.DB');
  });
});
