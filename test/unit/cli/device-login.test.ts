/**
 * `dsvault login --oidc` with issuers that are slow, broken or hostile. A real one is in
 * test/e2e/cli/login-oidc.test.ts.
 */
import { describe, expect, it } from '@jest/globals';
import { deviceToken } from '../../../cli/commands/device-login.ts';
import type { OidcClient } from '../../../cli/requests/profile.ts';
import { rsa, signToken } from '../../support/issuer.ts';

const issuer = 'https://login.example.com';
/** A text that a failure must not repeat. */
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
  /** The replies to the requests for a token, one by one; the last is repeated. */
  readonly token?: readonly Reply[];
  readonly client?: Partial<OidcClient>;
  readonly timeoutMs?: number;
};

/** Logs in at an issuer that replies as planned. The clock is virtual: waits are recorded, and take no time. */
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
        // The signal may abort long after the reply.
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

describe('dsvault login --oidc', () => {
  it('tells the address and the code, and asks for the token every 5 s until it is approved', async () => {
    const { outcome, told, waitsS } = await login({ token: [pending, pending, granted] });
    expect(outcome).toEqual(token);
    expect(waitsS).toEqual([5, 5, 5]);
    expect(told).toEqual(['open https://login.example.com/activate and enter the code ABCD-EFGH']);
  });

  it('waits as long as the issuer says, but at least a second', async () => {
    for (const [interval, wait] of [
      [2, 2],
      [0.001, 1],
    ]) {
      const device = () => json({ ...codes, interval });
      const { waitsS } = await login({ device, token: [pending, granted] });
      expect(waitsS).toEqual([wait, wait]);
    }
  });

  it('asks 5 s less often after each slow_down, whatever its status', async () => {
    const slow = () => refuse('slow_down');
    const other = () => refuse('slow_down', 429);
    const { outcome, waitsS } = await login({ token: [slow, pending, other, pending, granted] });
    expect(outcome).toEqual(token);
    expect(waitsS).toEqual([5, 10, 10, 15, 15]);
  });

  it('asks 5 s less often after each fault of the network or of the issuer', async () => {
    const broken = () => {
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } });
    };
    const failing = () => new Response('<html>', { status: 502 });
    const throttling = () => new Response('<html>', { status: 429 });
    const replies = [broken, failing, throttling, granted];
    const { outcome, waitsS } = await login({ token: replies });
    expect(outcome).toEqual(token);
    expect(waitsS).toEqual([5, 10, 15, 20]);
  });

  it('gives up when the code expires, and after half an hour at the latest', async () => {
    for (const [expires, sum] of [
      [12, 12],
      [1e9, 1_800],
    ]) {
      const device = () => json({ ...codes, expires_in: expires });
      const { outcome, waitsS } = await login({ device, token: [pending] });
      expect(outcome).toEqual({ exitCode: 5, message: 'nobody approved the code in time' });
      expect(waitsS.reduce((all, wait) => all + wait, 0)).toBe(sum);
    }
  });

  it('takes the access token if it is a JWT, else the ID token, and nothing else', async () => {
    const opaque = { access_token: `${canary}.opaque.token`, refresh_token: jwt('refresh') };
    expect(await outcomeOf({ token: [() => granted({ id_token: jwt('id') })] })).toEqual(token);
    expect(await outcomeOf({ token: [() => granted({ ...opaque, id_token: jwt('id') })] })).toEqual(
      { token: jwt('id') },
    );
  });

  it('asks for the scope and the audience, which is a resource too if it is a URI', async () => {
    const bodies = async (client: Partial<OidcClient>) => {
      const { sent } = await login({ client });
      return sent.slice(1).map(({ body }) => body);
    };
    const grant =
      'device_code=secret-device-code&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=dsvault';
    expect(await bodies({})).toEqual(['scope=openid&client_id=dsvault', grant]);
    expect(await bodies({ scope: 'a b', audience: 'vault' })).toEqual([
      'scope=a+b&audience=vault&client_id=dsvault',
      `audience=vault&${grant}`,
    ]);
    expect(await bodies({ audience: 'urn:vault' })).toEqual([
      'scope=openid&audience=urn%3Avault&resource=urn%3Avault&client_id=dsvault',
      `audience=urn%3Avault&resource=urn%3Avault&${grant}`,
    ]);
  });

  it.each([
    'http://login.example.com',
    'https://user@login.example.com',
    'https://login.example.com?c4n4ry',
    'https://login.example.com#c4n4ry',
    'ftp://127.0.0.1',
    'c4n4ry',
  ])('sends nothing to %s, which is no address of an issuer', async (address) => {
    const { outcome, sent } = await login({ client: { issuer: address } });
    expect(outcome).toMatchObject({ exitCode: 2, message: expect.stringMatching(/^--issuer is/) });
    expect(sent).toEqual([]);
  });

  const notOidc = 'the issuer does not answer as an OpenID provider does';
  const otherIssuer = 'the discovery document of the issuer names another issuer';
  const large = { ...metadata, padding: canary.repeat(11_000) };
  const discoveries: Readonly<Record<string, [Reply, number, string]>> = {
    'names another issuer': [
      () => json({ ...metadata, issuer: 'https://evil.example' }),
      5,
      otherIssuer,
    ],
    'names the issuer with a slash more': [
      () => json({ ...metadata, issuer: `${issuer}/` }),
      5,
      otherIssuer,
    ],
    'names no issuer': [() => json({ ...metadata, issuer: canary }), 1, notOidc],
    'is no JSON': [() => new Response(canary), 1, notOidc],
    'is missing': [() => new Response(canary, { status: 404 }), 1, notOidc],
    'is elsewhere': [
      () => new Response(null, { status: 302, headers: { location: issuer } }),
      1,
      notOidc,
    ],
    'has more than 64 KiB': [() => json(large), 1, 'the issuer sends more than 64 KiB'],
    'has no device authorization': [
      () => json({ ...metadata, device_authorization_endpoint: undefined }),
      1,
      'the issuer offers no login by device code (RFC 8628)',
    ],
    'names an address without https': [
      () => json({ ...metadata, device_authorization_endpoint: 'http://login.example.com/device' }),
      1,
      'the issuer names an address that is not https://',
    ],
    'leads to a service of this machine': [
      () => json({ ...metadata, device_authorization_endpoint: 'http://127.0.0.1:2375/device' }),
      1,
      'the issuer names an address that is not https://',
    ],
    'cannot be reached': [
      () => {
        throw Object.assign(new TypeError(canary), {
          cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
        });
      },
      7,
      'cannot reach the issuer (ECONNREFUSED)',
    ],
    'does not come in time': [
      () => new Promise(() => undefined),
      7,
      'cannot reach the issuer (no answer in time)',
    ],
  };
  it.each(Object.keys(discoveries))('stops if the discovery document %s', async (what) => {
    const [discovery, exitCode, message] = discoveries[what] ?? [];
    const late = what === 'does not come in time' ? { timeoutMs: 1 } : {};
    const { outcome, sent, told } = await login({ ...(discovery && { discovery }), ...late });
    expect(outcome).toEqual({ exitCode, message });
    expect([sent.length, told]).toEqual([1, []]);
  });

  const noJwt = 'the issuer gave no JWT: --audience or --scope may ask it for one';
  const unsigned = `${jwt('access').split('.').slice(0, 2).join('.')}.`;
  const otherClient = signToken({ alg: 'RS256' }, { ...claims, aud: 'other' }, key);
  const tokens: Readonly<Record<string, [Response, number, string]>> = {
    'denies the login': [refuse('access_denied'), 5, 'the login was denied'],
    'lets the code expire': [refuse('expired_token'), 5, 'nobody approved the code in time'],
    'refuses the code': [refuse('invalid_grant'), 5, 'the issuer refuses the login: invalid_grant'],
    'has a code of its own': [
      refuse(`${canary}!`),
      5,
      'the issuer refuses the login: unknown error',
    ],
    'wants a secret of the client': [
      json({}, 401, { 'www-authenticate': `Basic realm="${canary}"` }),
      5,
      'the issuer does not know this client without a secret',
    ],
    'gives an opaque token': [granted({ access_token: `${canary}.opaque.token` }), 5, noJwt],
    'gives an unsigned token': [granted({ access_token: unsigned }), 5, noJwt],
    'gives an ID token for another client': [granted({ id_token: otherClient }), 1, notOidc],
  };
  it.each(Object.keys(tokens))(
    'stops after one request for the token if the issuer %s',
    async (what) => {
      const [reply, exitCode, message] = tokens[what] ?? [];
      const { outcome, waitsS } = await login({ token: [() => reply as Response] });
      expect([outcome, waitsS]).toEqual([{ exitCode, message }, [5]]);
    },
  );
});
