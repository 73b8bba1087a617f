/**
 * `dsvault login --oidc` with issuers that are slow, broken or hostile.
 * test/e2e/cli/login-oidc.test.ts uses a real issuer.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { deviceToken } from '../../../cli/commands/device-login.ts';
import type { OidcClient } from '../../../cli/requests/profile.ts';
import { rsa, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';

const issuer = 'https://login.example.com';
/** Text that an error must not repeat. */
const canary = 'c4n4ry';

const json = (body: unknown, status = 200, headers = {}): Response =>
  Response.json(body, { status, headers });
const refuse = (error: string, status = 400): Response =>
  json({ error, error_description: canary }, status);
const pending = () => refuse('authorization_pending');

const key = rsa();
const nowS = Math.floor(Date.now() / 1_000);
const claims = { iss: issuer, aud: 'dsvault', sub: 'alice', iat: nowS, exp: nowS + 600 };
const jwt = (who: string): string => signToken({ alg: 'RS256' }, { ...claims, sub: who }, key);
const granted = (tokens: object = {}): Response =>
  json({ access_token: jwt('access'), token_type: 'Bearer', ...tokens });

const metadata = {
  issuer,
  device_authorization_endpoint: `${issuer}/device`,
  token_endpoint: `${issuer}/token`,
};
const codes = {
  device_code: 'secret-device-code',
  user_code: 'ABCD-EFGH',
  verification_uri: 'https://login.example.com/activate',
  expires_in: 600,
};

type Reply = () => Response | Promise<Response>;
type Plan = {
  readonly discovery?: Reply;
  readonly device?: Reply;
  /** The replies to successive token requests. The last one is repeated. */
  readonly token?: readonly Reply[];
  readonly client?: Partial<OidcClient>;
  readonly timeoutMs?: number;
};

/**
 * Logs in at an issuer that replies as planned. The clock is virtual, so waits are recorded but
 * take no time.
 */
const login = async (plan: Plan) => {
  const sent: { readonly url: string; readonly body: string }[] = [];
  const [waitsS, told]: [number[], string[]] = [[], []];
  let now = 0;
  const tokenReplies = [...(plan.token ?? [granted])];
  const replyTo = (url: string): Response | Promise<Response> => {
    if (url.endsWith('/device')) return (plan.device ?? (() => json(codes)))();
    if (!url.endsWith('/token')) return (plan.discovery ?? (() => json(metadata)))();
    const reply = tokenReplies.length > 1 ? tokenReplies.shift() : tokenReplies[0];
    return reply?.() ?? pending();
  };
  const outcome = await deviceToken(
    { issuer, clientId: 'dsvault', ...plan.client },
    {
      fetch: async (url, { body, signal, redirect }) => {
        sent.push({ url, body: String(body ?? '') });
        if (redirect !== 'manual') throw new Error('follows redirects');
        const late = new Promise<never>((_, fail) => {
          signal?.addEventListener('abort', () => fail(signal.reason));
        });
        // The signal may abort long after the reply has won the race, so its rejection needs a
        // handler.
        late.catch(() => undefined);
        return await Promise.race([replyTo(url), late]);
      },
      sleep: async (ms) => {
        waitsS.push(ms / 1_000);
        now += ms;
      },
      now: () => now,
      tell: (sentence) => told.push(sentence),
      timeoutMs: plan.timeoutMs ?? 60_000,
    },
  ).then(
    (token) => ({ token }),
    ({ message, exitCode }) => ({ message, exitCode }),
  );
  return { outcome, sent, waitsS, told };
};
const token = { token: jwt('access') };
const outcomeOf = async (plan: Plan) => (await login(plan)).outcome;

const slow = () => refuse('slow_down');
const throttled = () => new Response('<html>', { status: 429 });
const failing = () => new Response('<html>', { status: 502 });
const unreachable = () => {
  const cause = Object.assign(new Error(), { code: 'ECONNRESET' });
  throw Object.assign(new TypeError(canary), { cause });
};
const devices = (changes: object) => () => json({ ...codes, ...changes });
const late = { exitCode: 5, message: 'nobody approved the code in time' };

describe('dsvault login --oidc', () => {
  it('accepts the replies of Google, which uses another field for the address and answers 428 until the user approves', async () => {
    const { verification_uri: verification_url, ...others } = codes;
    const device = () => json({ ...others, verification_url });
    const waiting = () => refuse('authorization_pending', 428);
    const { outcome, told } = await login({ device, token: [waiting, granted] });
    expect([outcome, told[0]]).toEqual([token, (await login({})).told[0]]);
  });

  it.each<[string, Plan, readonly number[], object]>([
    ['as often as the issuer says', { device: devices({ interval: 2 }) }, [2], token],
    ['at most once a second', { device: devices({ interval: 0.001 }) }, [1], token],
    [
      '5 s less often after each slow_down, whatever its status',
      { token: [slow, pending, () => refuse('slow_down', 429), pending, granted] },
      [5, 10, 10, 15, 15],
      token,
    ],
    [
      '5 s less often after each fault of the network or of the issuer',
      { token: [unreachable, failing, throttled, granted] },
      [5, 10, 15, 20],
      token,
    ],
    [
      'until the code expires',
      { device: devices({ expires_in: 12 }), token: [pending] },
      [5, 5, 2],
      late,
    ],
    [
      'for half an hour at most',
      { device: devices({ expires_in: 1e9, interval: 600 }), token: [pending] },
      [600, 600, 600],
      late,
    ],
  ])('polls the issuer for the token %s', async (_, plan, waits, expected) => {
    const { outcome, waitsS } = await login(plan);
    expect([outcome, waitsS]).toEqual([expected, waits]);
  });

  it('returns the access token if it is a JWT, otherwise the ID token, and never anything else', async () => {
    const opaque = { access_token: `${canary}.opaque.token`, refresh_token: jwt('refresh') };
    const id = jwt('id');
    expect(await outcomeOf({ token: [() => granted({ id_token: id })] })).toEqual(token);
    const plan = { token: [() => granted({ ...opaque, id_token: id })] };
    expect(await outcomeOf(plan)).toEqual({ token: id });
  });

  const grant = `device_code=secret-device-code&grant_type=${encodeURIComponent('urn:ietf:params:oauth:grant-type:device_code')}&client_id=dsvault`;
  const uri = 'audience=urn%3Avault&resource=urn%3Avault&';
  it.each<[string, Partial<OidcClient>, string, string]>([
    ['the scope openid by default', {}, 'scope=openid&', ''],
    [
      'the scope and the audience that are set',
      { scope: 'a b', audience: 'v' },
      'scope=a+b&audience=v&',
      'audience=v&',
    ],
    [
      'a resource as well as the audience if the audience is a URI',
      { audience: 'urn:vault' },
      `scope=openid&${uri}`,
      uri,
    ],
  ])('requests %s', async (_, client, first, second) => {
    const { sent } = await login({ client });
    const bodies = sent.slice(1).map(({ body }) => body);
    expect(bodies).toEqual([`${first}client_id=dsvault`, `${second}${grant}`]);
  });

  it.each([
    'http://login.example.com',
    'https://user@login.example.com',
    'https://login.example.com?c4n4ry',
    'https://login.example.com#c4n4ry',
    'ftp://127.0.0.1',
    'c4n4ry',
  ])('sends nothing to %s, which is not a valid address of an issuer', async (address) => {
    const { outcome, sent } = await login({ client: { issuer: address } });
    expect(outcome).toMatchObject({ exitCode: 2, message: expect.stringMatching(/^--issuer is/) });
    expect(sent).toEqual([]);
  });

  describe('with --client-secret-file', () => {
    const secret = 'c4n4ry-secret';
    const fileOf = (content: string | Uint8Array, mode = 0o600): string => {
      const file = join(freshFolder(), 'secret');
      writeFileSync(file, content);
      chmodSync(file, mode);
      return file;
    };

    it.each([
      ['with an end of line', `${secret}\r\n`],
      ['of 256 bytes', secret.padEnd(256, 'x')],
    ])('sends a secret %s in the body of both requests', async (_, content) => {
      const { outcome, sent } = await login({ client: { clientSecretFile: fileOf(content) } });
      const fields = sent.slice(1).map(({ body }) => new URLSearchParams(body));
      expect(outcome).toEqual(token);
      expect(fields.map((field) => field.get('client_secret'))).toEqual(
        Array(2).fill(content.trim()),
      );
    });

    const holdsNone = 'does not contain a secret: one line of visible ASCII characters';
    const rows: [string, () => string, string][] = [
      ['is missing', () => '/c4n4ry/none', 'cannot read the file of --client-secret-file (ENOENT)'],
      ['is a device', () => '/dev/null', 'is not a regular file'],
      ['is empty', () => fileOf(''), holdsNone],
      ['has two lines', () => fileOf(`${secret}\n${secret}\n`), holdsNone],
      [
        'is too large',
        () => fileOf('c4n4ry'.repeat(50)),
        'has more than 256 bytes: it must contain only the secret',
      ],
      ['is readable for the group', () => fileOf(secret, 0o640), 'is open to others: chmod 600 it'],
    ];
    it.each(rows)('sends nothing if the file %s, and names the option', async (_, file, reason) => {
      const { outcome, sent } = await login({ client: { clientSecretFile: file() } });
      const sentence = reason.startsWith('cannot')
        ? reason
        : `the file of --client-secret-file ${reason}`;
      expect([outcome, sent]).toEqual([{ exitCode: 5, message: sentence }, []]);
    });
  });

  const notOidc = 'the issuer does not answer as an OpenID provider does';
  const otherIssuer = 'the discovery document of the issuer names another issuer';
  const insecure = 'the issuer names an address that is not https://';
  const tooLong = 'the issuer sends more than 64 KiB';
  const noDeviceCode = 'the issuer offers no login by device code (RFC 8628)';
  const document = (changes: object) => () => json({ ...metadata, ...changes });
  const offers = (url?: string) => document({ device_authorization_endpoint: url });
  const moved = () => new Response(null, { status: 302, headers: { location: issuer } });
  const silent = () => new Promise<never>(() => undefined);
  it.each<[string, Reply, number, string]>([
    ['names another issuer', document({ issuer: 'https://evil.example' }), 5, otherIssuer],
    ['names the issuer with an extra slash', document({ issuer: `${issuer}/` }), 5, otherIssuer],
    ['is not JSON', () => new Response(canary), 1, notOidc],
    ['is missing', () => new Response(canary, { status: 404 }), 1, notOidc],
    ['is answered with a redirection', moved, 1, notOidc],
    ['has more than 64 KiB', document({ padding: canary.repeat(11_000) }), 1, tooLong],
    ['has no device authorization', offers(), 1, noDeviceCode],
    ['names an address without https', offers('http://login.example.com/device'), 1, insecure],
    ['names a service of this machine', offers('http://127.0.0.1:2375/device'), 1, insecure],
    ['cannot be reached', unreachable, 7, 'cannot reach the issuer (ECONNRESET)'],
    [
      'does not arrive within the time limit',
      silent,
      7,
      'cannot reach the issuer (no answer in time)',
    ],
  ])('stops if the discovery document %s', async (_, discovery, exitCode, message) => {
    const limit = discovery === silent ? { timeoutMs: 1 } : {};
    const { outcome, sent, told } = await login({ discovery, ...limit });
    expect([outcome, sent.length, told]).toEqual([{ exitCode, message }, 1, []]);
  });

  it('stops if an issuer on this machine refers to another machine without https', async () => {
    const here = 'http://127.0.0.1:8080';
    const url = 'http://login.example.com/device';
    const discovery = document({ issuer: here, device_authorization_endpoint: url });
    const outcome = await outcomeOf({ discovery, client: { issuer: here } });
    expect(outcome).toEqual({ exitCode: 1, message: insecure });
  });

  const noJwt = 'the issuer returned no JWT: try --audience or --scope';
  const refused = (why: string) => `the issuer refuses the login: ${why}`;
  const hint = '; a client that has a secret needs --client-secret-file';
  const needsSecret = `the issuer does not accept this client${hint}`;
  const unsigned = `${jwt('access').split('.').slice(0, 2).join('.')}.`;
  const otherClient = signToken({ alg: 'RS256' }, { ...claims, aud: 'other' }, key);
  const challenge = json({}, 401, { 'www-authenticate': `Basic realm="${canary}"` });
  it.each<[string, Response, number, string]>([
    ['says that the code has expired', refuse('expired_token'), 5, late.message],
    [
      'answers invalid_request, as it may to a client without its secret',
      refuse('invalid_request'),
      5,
      refused(`invalid_request${hint}`),
    ],
    ['answers with an unknown error code', refuse(`${canary}!`), 5, refused('unknown error')],
    ['answers 401, as it may to a client without its secret', challenge, 5, needsSecret],
    ['returns an opaque token', granted({ access_token: `${canary}.opaque.token` }), 5, noJwt],
    ['gives an unsigned token', granted({ access_token: unsigned }), 5, noJwt],
    ['gives an ID token for another client', granted({ id_token: otherClient }), 1, notOidc],
  ])('stops after one token request if the issuer %s', async (_, reply, exitCode, message) => {
    const { outcome, waitsS } = await login({ token: [() => reply] });
    expect([outcome, waitsS]).toEqual([{ exitCode, message }, [5]]);
  });
});
