/**
 * Gets a token from an OpenID provider by the OAuth 2.0 Device Authorization Grant (RFC 8628): a person
 * approves a code in a browser, on this machine or another, while this process asks for the token.
 */
import * as oauth from 'oauth4webapi';
import { isConfidential } from '../../system/address.ts';
import {
  exitCodes,
  type Failure,
  failure,
  isFailure,
  systemCodeOf,
  usage,
} from '../../system/failures.ts';
import type { OidcClient } from '../requests/profile.ts';
import { isJwt } from '../requests/token.ts';

/** The surroundings of a login: network, clock and the person. */
export type Surroundings = {
  readonly fetch: (url: string, options: RequestInit) => Promise<Response>;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly now: () => number;
  readonly tell: (sentence: string) => void;
  readonly timeoutMs: number;
};

const replyMaxBytes = 65_536;
/** A person has this long to approve, or less if the provider says so. */
const approvalMaxMs = 1_800_000;
/** RFC 8628 sets both: the time between two requests for the token, and how much `slow_down` adds to it. */
const intervalDefaultS = 5;
const slowDownS = 5;

/** Returns the access token if it is a JWT, else the ID token. A failure has no text of the provider. */
export const deviceToken = async (
  { issuer, clientId, scope = 'openid', audience }: OidcClient,
  surroundings: Surroundings,
): Promise<string> => {
  const identifier = issuerUrl(issuer);
  const client = { client_id: clientId };
  const none = oauth.None();
  const target = targetOf(audience);
  const options = requestOptions(identifier, surroundings);
  try {
    const found = await oauth.discoveryRequest(identifier, options);
    const server = await oauth.processDiscoveryResponse(identifier, found);
    // The library compares parsed addresses, for which a slash at the end may make no difference.
    if (server.issuer !== issuer) throw denied(otherIssuer);
    if (server.device_authorization_endpoint === undefined) {
      throw failure('the issuer offers no login by device code (RFC 8628)');
    }
    const wanted = { scope, ...target };
    const asked = await oauth.deviceAuthorizationRequest(server, client, none, wanted, options);
    const device = await oauth.processDeviceAuthorizationResponse(server, client, asked);
    tellCode(device, surroundings);
    const granting = { ...options, additionalParameters: target };
    const { device_code: code } = device;
    const reply = await untilDecided(device, surroundings, async () => {
      const sent = await oauth.deviceCodeGrantRequest(server, client, none, code, granting);
      return await oauth.processDeviceCodeResponse(server, client, sent);
    });
    const token = [reply.access_token, reply.id_token].find((text) => isJwt(text ?? ''));
    if (token !== undefined) return token;
  } catch (error) {
    throw failureOf(error);
  }
  throw denied('the issuer gave no JWT: --audience or --scope may ask it for one');
};

const issuerUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && !/[?#@]/.test(text) && isConfidential(url);
  if (isPlain) return url;
  throw usage('--issuer is https:// and a host, and perhaps a path; http:// only on this machine');
};

/** RFC 8707 names a `resource`, a URI, in both requests; Auth0 and other providers know `audience`. */
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

/** Asks until the person has decided, and less often if the provider wants so or has a fault. */
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

/** The options of all requests: bounded time and replies, and no address that others can read or change. */
const requestOptions = ({ protocol }: URL, { fetch, timeoutMs }: Surroundings) => ({
  // The check below stands for that of the library. A test, or a trial on this machine, has no certificate.
  [oauth.allowInsecureRequests]: true,
  [oauth.customFetch]: async (
    url: string,
    { body, ...options }: oauth.CustomFetchOptions<string, URLSearchParams | undefined>,
  ): Promise<Response> => {
    const target = new URL(url);
    // Only an issuer on this machine may lead to another service of this machine.
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

const failureOf = (error: unknown): Failure => {
  if (isFailure(error)) return error;
  if (error instanceof oauth.ResponseBodyError) {
    const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'unknown error';
    return denied(sentences.get(code) ?? `the issuer refuses the login: ${code}`, error);
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return denied('the issuer does not know this client without a secret', error);
  }
  const isOther =
    error instanceof oauth.OperationProcessingError &&
    error.code === oauth.JSON_ATTRIBUTE_COMPARISON;
  if (isOther) return denied(otherIssuer, error);
  return failure('the issuer does not answer as an OpenID provider does', { cause: error });
};
