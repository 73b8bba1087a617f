/**
 * Gets a token from an OpenID provider with the OAuth 2.0 Device Authorization Grant (RFC 8628):
 * the user approves a code in a browser, on this machine or another, while this process polls for
 * the token.
 */
import { readFileSync, statSync } from 'node:fs';
import * as oauth from 'oauth4webapi';
import * as v from 'valibot';
import { isConfidential } from '../../system/address.ts';
import {
  exitCodes,
  type Failure,
  failure,
  isFailure,
  systemCodeOf,
  usage,
} from '../../system/failures.ts';
import { isOpenToOthers } from '../output/private-files.ts';
import type { OidcClient } from '../requests/profile.ts';
import { claimsOf, isJwt } from '../requests/token.ts';

/** What a login needs from outside: network, clock and the user. */
export type Surroundings = {
  readonly fetch: (url: string, options: RequestInit) => Promise<Response>;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly now: () => number;
  readonly tell: (sentence: string) => void;
  readonly timeoutMs: number;
};

const replyMaxBytes = 65_536;
const secretMaxBytes = 256;
/** The user has this long to approve, or less if the provider says so. */
const approvalMaxMs = 1_800_000;
/**
 * Both are seconds from RFC 8628: the default interval between two requests for the token, and how
 * much the reply `slow_down` adds to it.
 */
const intervalDefaultS = 5;
const slowDownS = 5;

/**
 * Returns the access token if it is a JWT, otherwise the ID token. Failures contain no text of the
 * provider except its error code, and that only if it has the form of one.
 */
export const deviceToken = async (
  { issuer, clientId, scope = 'openid', audience, clientSecretFile }: OidcClient,
  surroundings: Surroundings,
): Promise<string> => {
  const identifier = issuerUrl(issuer);
  const client = { client_id: clientId };
  const secret = clientSecretFile === undefined ? undefined : readSecret(clientSecretFile);
  const authentication = secret === undefined ? oauth.None() : oauth.ClientSecretPost(secret);
  const target = targetOf(audience);
  const options = requestOptions(identifier, surroundings);
  try {
    const found = await oauth.discoveryRequest(identifier, options);
    const server = await oauth.processDiscoveryResponse(identifier, found);
    // The library compares the issuer of the discovery document with the given one as parsed
    // addresses, which ignores a slash at the end. Here the texts must be equal.
    if (server.issuer !== issuer) throw denied(otherIssuer);
    if (server.device_authorization_endpoint === undefined) {
      throw failure('the issuer offers no login by device code (RFC 8628)');
    }
    const wanted = { scope, ...target };
    const asked = await oauth.deviceAuthorizationRequest(
      server,
      client,
      authentication,
      wanted,
      options,
    );
    const standard = await withVerificationUri(asked);
    const device = await oauth.processDeviceAuthorizationResponse(server, client, standard);
    tellCode(device, surroundings);
    const granting = { ...options, additionalParameters: target };
    const { device_code: code } = device;
    const reply = await untilDecided(device, surroundings, async () => {
      const sent = await oauth.deviceCodeGrantRequest(
        server,
        client,
        authentication,
        code,
        granting,
      );
      return await oauth.processDeviceCodeResponse(server, client, sent);
    });
    const token = [reply.access_token, reply.id_token].find((text) => isJwt(text ?? ''));
    if (token !== undefined) {
      const { sub = null, aud = null } = claimsOf(token) ?? {};
      // The claims with which the operator of a vault can write a rule for this user.
      surroundings.tell(
        `the approved token has sub ${JSON.stringify(sub)} and aud ${JSON.stringify(aud)}`,
      );
      return token;
    }
  } catch (error) {
    throw failureOf(error, secret !== undefined);
  }
  throw denied('the issuer returned no JWT: try --audience or --scope');
};

const secretFlag = '--client-secret-file';

/**
 * Reads the client's secret from its file, at each login, so that the profile contains only the
 * path. Failures never repeat the content.
 */
const readSecret = (file: string): string => {
  const source = `the file of ${secretFlag}`;
  let content: string;
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw denied(`${source} is not a regular file`);
    if (isOpenToOthers(stats)) throw denied(`${source} is open to others: chmod 600 it`);
    if (stats.size > secretMaxBytes) {
      throw denied(
        `${source} has more than ${secretMaxBytes} bytes: it must contain only the secret`,
      );
    }
    content = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isFailure(error)) throw error;
    throw denied(`cannot read ${source} (${systemCodeOf(error)})`, error);
  }
  if (/^[!-~]+$/.test(content)) return content;
  throw denied(`${source} does not contain a secret: one line of visible ASCII characters`);
};

/**
 * Renames the address at which the user enters the code: Google calls it `verification_url`, RFC
 * 8628 `verification_uri`.
 */
const withVerificationUri = async (response: Response): Promise<Response> => {
  const { status, headers } = response;
  const text = await response.text();
  const parsed = v.safeParse(googleReply, text);
  if (!parsed.success) return new Response(text, { status, headers });
  const { verification_url: uri, ...others } = parsed.output;
  return Response.json({ verification_uri: uri, ...others }, { status, headers });
};
const googleReply = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ verification_url: v.string() }),
);

const issuerUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && !/[?#@]/.test(text) && isConfidential(url);
  if (isPlain) return url;
  throw usage('--issuer is https:// and a host, and perhaps a path; http:// only on this machine');
};

/**
 * The parameters that name the audience, in the request for a code and in that for the token. RFC
 * 8707 has `resource`, which must be a URI; Auth0 and other providers use `audience`.
 */
const targetOf = (audience: string | undefined): Readonly<Record<string, string>> => {
  if (audience === undefined) return {};
  return { audience, ...(URL.canParse(audience) && { resource: audience }) };
};

const tellCode = (device: oauth.DeviceAuthorizationResponse, { tell }: Surroundings): void => {
  tell(`open ${device.verification_uri} and enter the code ${device.user_code}`);
  if (device.verification_uri_complete !== undefined) {
    tell(`or open ${device.verification_uri_complete} and compare the code`);
  }
};

/** Polls until the user has decided, and less often if the provider asks for that or fails. */
const untilDecided = async <Reply>(
  { interval = intervalDefaultS, expires_in: expiresS }: oauth.DeviceAuthorizationResponse,
  { sleep, now }: Surroundings,
  ask: () => Promise<Reply>,
): Promise<Reply> => {
  const endsAt = now() + Math.min(expiresS * 1_000, approvalMaxMs);
  for (let waitMs = Math.max(1, interval) * 1_000; ; ) {
    await sleep(Math.min(waitMs, endsAt - now()));
    if (now() >= endsAt) throw denied(expired);
    try {
      return await ask();
    } catch (error) {
      const code = error instanceof oauth.ResponseBodyError ? error.error : undefined;
      if (code === 'slow_down' || isPassing(error)) waitMs += slowDownS * 1_000;
      else if (code !== 'authorization_pending') throw error;
    }
  }
};

const isPassing = (error: unknown): boolean =>
  isFailure(error) && error.exitCode === exitCodes.unavailable;

/**
 * The options of all requests: time and replies are limited, and no address may be used whose
 * traffic others can read or change.
 */
const requestOptions = ({ protocol }: URL, { fetch, timeoutMs }: Surroundings) => ({
  // Switches off the library's check for https, because a test, or a trial on this machine, has no
  // certificate. The check below replaces it.
  [oauth.allowInsecureRequests]: true,
  [oauth.customFetch]: async (
    url: string,
    { body, ...options }: oauth.CustomFetchOptions<string, URLSearchParams | undefined>,
  ): Promise<Response> => {
    const target = new URL(url);
    // Only an issuer that itself uses http://, and so is on this machine, may refer to an address
    // of http://, which must be on this machine, too.
    const isDowngraded = protocol === 'https:' && target.protocol !== 'https:';
    if (isDowngraded || !isConfidential(target)) {
      throw failure('the issuer names an address that is not https://');
    }
    return await boundedReply(() => fetch(url, { ...options, ...(body && { body }) }));
  },
  signal: () => AbortSignal.timeout(timeoutMs),
});

const boundedReply = async (send: () => Promise<Response>): Promise<Response> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let response: Response;
  try {
    response = await send();
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > replyMaxBytes) throw failure('the issuer sends more than 64 KiB');
    }
  } catch (error) {
    throw isFailure(error) ? error : unreachable(error);
  }
  const { status, headers } = response;
  if (status >= 500 || status === 429) {
    throw failure(`the issuer answers with status ${status}`, { kind: 'unavailable' });
  }
  return new Response(bytes === 0 ? null : Buffer.concat(chunks), { status, headers });
};

const unreachable = (error: unknown): Failure => {
  const { name, cause } = Object(error) as Partial<Error>;
  const reason = name === 'TimeoutError' ? 'no answer in time' : systemCodeOf(cause);
  return failure(`cannot reach the issuer (${reason})`, { kind: 'unavailable', cause: error });
};

const denied = (detail: string, cause?: unknown): Failure =>
  failure(detail, { kind: 'denied', cause });

const expired = 'nobody approved the code in time';
const otherIssuer = 'the discovery document of the issuer names another issuer';

const sentences: ReadonlyMap<string, string> = new Map([
  ['access_denied', 'the login was denied'],
  ['expired_token', expired],
]);

/** The codes with which issuers refuse a client that omits its secret. */
const clientCodes = ['invalid_client', 'invalid_request', 'unauthorized_client'];

const failureOf = (error: unknown, hasSecret: boolean): Failure => {
  if (isFailure(error)) return error;
  const hint = hasSecret ? '' : `; a client that has a secret needs ${secretFlag}`;
  if (error instanceof oauth.ResponseBodyError) {
    const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'unknown error';
    const refusal = `the issuer refuses the login: ${code}`;
    const detail = clientCodes.includes(code) ? `${refusal}${hint}` : refusal;
    return denied(sentences.get(code) ?? detail, error);
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return denied(`the issuer does not accept this client${hint}`, error);
  }
  const isOther =
    error instanceof oauth.OperationProcessingError &&
    error.code === oauth.JSON_ATTRIBUTE_COMPARISON;
  if (isOther) return denied(otherIssuer, error);
  return failure('the issuer does not answer as an OpenID provider does', { cause: error });
};
