/** Tokens and their claims. The claims are not verified here, because only the vault can do that. */
import * as v from 'valibot';

/** A token, and its source for messages. */
export type Token = {
  readonly source: string;
  /** Returns the token. A source that takes time is asked when the token is first needed. */
  readonly read: () => string | Promise<string>;
  /** Gets another token, because the vault has refused the one that was read. False if the source has no other. */
  readonly renew?: () => boolean;
};

type Claims = Readonly<Record<string, unknown>>;

/** The claims of a token; `undefined` if they cannot be read. */
export const claimsOf = (token: string): Claims | undefined => {
  const [, payload = ''] = token.split('.');
  return parseClaims(Buffer.from(payload, 'base64url').toString('utf8'));
};

/** Claims in JSON; `undefined` if the text holds none. */
export const parseClaims = (text: string): Claims | undefined => {
  const asked = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));
  const parsed = v.safeParse(asked, text);
  return parsed.success ? parsed.output : undefined;
};

/**
 * Whether a text is a signed JWT, by its form. Another secret must not reach the vault, not even an API key
 * that also has two dots. The error of HTTP would quote a text that no header can hold.
 */
export const isJwt = (text: string): boolean => {
  const [, header] = /^([A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_-]+){2}$/.exec(text) ?? [];
  const isHeader = v.pipe(v.string(), v.parseJson(), v.object({ alg: v.string() }));
  return v.is(isHeader, Buffer.from(header ?? '', 'base64url').toString('utf8'));
};

/** When a token expires, in milliseconds; `undefined` if it does not say. */
export const expiresAtMs = (token: string): number | undefined => {
  const exp = claimsOf(token)?.['exp'];
  return typeof exp === 'number' ? exp * 1_000 : undefined;
};

/** The expiry of a token in RFC 3339; `undefined` if it has no valid one. */
export const expiryOf = (token: string): string | undefined => {
  const instant = new Date(expiresAtMs(token) ?? Number.NaN);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
};
