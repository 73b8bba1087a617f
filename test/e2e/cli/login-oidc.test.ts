/** `dsvault login --oidc` with a real OpenID provider, and a vault that trusts it. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type LocalProcess, lineOf, runFile } from '../../support/local-process.ts';
import { type Answer, decide } from '../../support/openid/person.ts';
import { describeLocal, type RunningVault, startVault } from '../../support/running-vault.ts';

const audience = 'https://vault.example.com';
const scope = 'openid secrets:read secrets:write';

describeLocal('dsvault login --oidc', () => {
  let provider: LocalProcess;
  let vault: RunningVault;
  let issuer: string;
  let dsvault: Dsvault;
  beforeAll(async () => {
    provider = runFile('test/support/openid/provider.ts', [], {});
    issuer = await lineOf(provider, /^issuer (.*)$/);
    const keys = await (await fetch(`${issuer}/jwks`)).text();
    vault = await startVault({ AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_JWKS: keys });
    dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl() });
  });
  afterAll(async () => {
    provider.child.kill();
    await Promise.all([provider.exit, vault.stop()]);
  });

  const first = () => ['--issuer', issuer, '--client-id', 'dsvault', '--scope', scope];
  const login = (profile: string, flags: readonly string[]) =>
    dsvault.start(['login', '--oidc', '--profile', profile, ...flags]);
  /** Returns the address with the code from what `dsvault` printed. */
  const addressIn = async ({ child, prints }: ReturnType<typeof login>): Promise<string> => {
    let printed = '';
    child.stderr?.on('data', (chunk) => (printed += chunk));
    await prints('compare the code');
    return /or open (\S+)/.exec(printed)?.[1] ?? '';
  };
  const loginAnd = async (answer: Answer, profile: string, flags: readonly string[]) => {
    const started = login(profile, flags);
    await decide(await addressIn(started), answer);
    return await started.ran;
  };
  const fileOf = (profile: string) => join(dsvault.folder, `.config/dsvault/${profile}.json`);
  const isKept = (profile: string) =>
    statSync(fileOf(profile), { throwIfNoEntry: false }) !== undefined;

  it('prints the code, keeps the approved token, and renews it with the settings in the profile', async () => {
    const { code, stdout, stderr } = await loginAnd('approve', 'approved', [
      ...first(),
      ...['--audience', audience],
    ]);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(
      /^dsvault: open http:\S+\/device and enter the code \w{4}-\w{4}\ndsvault: or open http:\S+\/device\?user_code=\w{4}-\w{4} and compare the code\ndsvault: the approved token has sub "alice" and aud "https:\/\/vault\.example\.com"\ndsvault: profile approved for \S+ is saved in/,
    );
    const kept = JSON.parse(readFileSync(fileOf('approved'), 'utf8'));
    expect(kept).toEqual({
      addr: vault.baseUrl(),
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      oidc: { issuer, clientId: 'dsvault', scope, audience },
    });
    const name = ['app.KEY', '--profile', 'approved'];
    expect(await dsvault.run(['create', ...name], { input: 'v' })).toMatchObject({ code: 0 });
    expect((await loginAnd('approve', 'approved', [])).code).toBe(0);
    const renewed = JSON.parse(readFileSync(fileOf('approved'), 'utf8'));
    expect(renewed).toEqual({ ...kept, token: expect.not.stringMatching(kept.token) });
    expect(await dsvault.run(['get', ...name])).toMatchObject({ code: 0, stdout: 'v' });
  });

  it('keeps nothing if the person denies the login', async () => {
    const { code, stderr } = await loginAnd('deny', 'denied', first());
    expect([code, isKept('denied')]).toEqual([5, false]);
    expect(stderr).toContain('dsvault: the login was denied (unauthenticated)');
  });

  it('keeps nothing if the vault refuses the token that the person approves', async () => {
    // Without an audience the access token is opaque, so dsvault uses the ID token, which is meant
    // for the client and not for the vault.
    const { code, stderr } = await loginAnd('approve', 'refused', first());
    expect([code, isKept('refused')]).toEqual([5, false]);
    expect(stderr).toContain('dsvault: a valid bearer token is needed (unauthenticated, request');
  });

  it('keeps nothing if it is interrupted while it waits', async () => {
    const started = login('interrupted', first());
    await addressIn(started);
    started.child.kill('SIGINT');
    expect((await started.ran).code).toBe(null);
    expect(isKept('interrupted')).toBe(false);
  });

  it("sends the client's secret from its file at each login, and keeps only the path", async () => {
    const secret = 'c4n4ry-secret-of-the-client';
    const file = join(dsvault.folder, 'secret');
    writeFileSync(file, `${secret}\n`, { mode: 0o600 });
    const client = ['--issuer', issuer, '--client-id', 'confidential', '--scope', scope];
    const flags = [...client, '--audience', audience, '--client-secret-file', 'secret'];
    expect((await loginAnd('approve', 'confidential', flags)).code).toBe(0);
    const kept = JSON.parse(readFileSync(fileOf('confidential'), 'utf8'));
    expect(kept.oidc).toMatchObject({ clientId: 'confidential', clientSecretFile: file });
    expect((await loginAnd('approve', 'confidential', [])).code).toBe(0);

    writeFileSync(file, 'c4n4ry-other');
    const refused = 'dsvault: the issuer refuses the login: invalid_client';
    const wrong = await login('confidential', []).ran;
    expect([wrong.code, wrong.stderr]).toEqual([5, `${refused} (unauthenticated)\n`]);
    // When a client id is given, it may be a different client, so the secret file in the profile is
    // not used.
    const none = await login('confidential', ['--client-id', 'confidential']).ran;
    expect([none.code, none.stderr]).toEqual([
      5,
      `${refused}; a client that has a secret needs --client-secret-file (unauthenticated)\n`,
    ]);
    expect(readFileSync(fileOf('confidential'), 'utf8')).not.toContain('c4n4ry');
    expect(dsvault.seenIn('c4n4ry')).toEqual([]);
  });

  it('refuses a client that the issuer does not know', async () => {
    const flags = ['--issuer', issuer, '--client-id', 'stranger'];
    const { code, stderr } = await login('stranger', flags).ran;
    expect([code, isKept('stranger')]).toEqual([5, false]);
    expect(stderr).toBe(
      'dsvault: the issuer refuses the login: invalid_client; a client that has a secret needs --client-secret-file (unauthenticated)\n',
    );
  });
});
