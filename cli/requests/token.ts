/**
 * Tokens and their claims. The claims are not verified here, because only the vault can do that.
 */
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';

/** A token that is read when it is needed, with the name of its source for messages. */
export type Token = {
  readonly source: string;
  /** What to do to get another token, as the end of a sentence. */
  readonly another?: string;
  /** Returns the token. A source that takes time is used only when the token is first needed. */
  readonly read: () => string | Promise<string>;
  /**
   * Returns the token of a token command if it is stored, without running the command. Absent for
   * sources that run no command.
   */
  readonly readKept?: () => string | undefined;
  /**
   * Gets another token, because the vault has refused the one that was read. False if the source
   * has no other.
   */
  readonly renew?: () => boolean;
};

/**
 * A token in a text. When the token is first needed, the text is read, and refused if it is not a
 * token.
 */
export const tokenOfText = (source: string, readText: () => string, another?: string): Token => {
  let token: string | undefined;
  const read = (): string => {
    const text = readText().trim();
    if (isJwt(text)) return text;
    const how = another === undefined ? '' : `: ${another}`;
    throw failure(`${source} holds no token${how}`, { kind: 'denied' });
  };
  return { source, ...(another !== undefined && { another }), read: () => (token ??= read()) };
};

type Claims = Readonly<Record<string, unknown>>;

/** The claims of a token; `undefined` if they cannot be read. */
export const claimsOf = (token: string): Claims | undefined => {
  const [, payload = ''] = token.split('.');
  return parseClaims(Buffer.from(payload, 'base64url').toString('utf8'));
};

/** Parses claims from JSON; `undefined` if the text has none. */
export const parseClaims = (text: string): Claims | undefined => {
  const asked = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));
  const parsed = v.safeParse(asked, text);
  return parsed.success ? parsed.output : undefined;
};

/**
 * Whether a text has the form of a signed JWT. Other secrets must not be sent to the vault, not
 * even an API key that happens to have two dots. Nor may a text that is not valid in a header get
 * as far as Node, whose error would quote it.
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
