/** Reads and compares the claims of a token for a policy, and inserts claims into texts. */
import type { ClaimPath, MatchValue } from './policy-types.ts';

export type Claims = Readonly<Record<string, unknown>>;

/**
 * Returns the claim of a token at a path; `undefined` if the token does not have it. A path can
 * lead into nested objects, but not into a list.
 */
export const claimAt = (claims: Claims, path: ClaimPath): unknown => {
  let found: unknown = claims;
  for (const key of keysOf(path)) {
    if (!isRecord(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
};

const keysOf = (path: ClaimPath): readonly string[] =>
  path.startsWith('/')
    ? path
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [path];

const isRecord = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The values that the `match` of a rule lists for one claim, prepared for repeated comparison. */
export type ListedValues = {
  readonly exact: ReadonlySet<unknown>;
  readonly globs: readonly Glob[];
};

/**
 * A glob, split at "/", ":" and "." (which are kept as pieces), with each piece split at its stars.
 */
type Glob = readonly (readonly string[])[];

/** Splits the globs once. A `*` matches any characters except "/", ":" and ".". */
export const prepareValues = (values: MatchValue | readonly MatchValue[]): ListedValues => {
  const all = [values].flat();
  const isGlob = (value: MatchValue) => typeof value === 'string' && value.includes('*');
  return {
    exact: new Set(all.filter((value) => !isGlob(value))),
    globs: all
      .filter(isGlob)
      .map((glob) => piecesOf(String(glob)).map((piece) => piece.split('*'))),
  };
};

const piecesOf = (text: string): readonly string[] => text.split(/([/:.])/);

/**
 * Whether the claim, or one element if it is a list, fits one of the values. A number never fits.
 * Calls `count` before each comparison: for each element, once for all exact values and once per
 * glob. A comparison takes time linear in the lengths of both texts.
 */
export const matches = (
  claim: unknown,
  { exact, globs }: ListedValues,
  count: () => void = () => undefined,
): boolean =>
  [claim].flat().some((element) => {
    count();
    if (exact.has(element)) return true;
    if (typeof element !== 'string') return false;
    const pieces = piecesOf(element);
    return globs.some((glob) => {
      count();
      return (
        pieces.length === glob.length &&
        glob.every((parts, index) => isPieceCovered(pieces[index] ?? '', parts))
      );
    });
  });

/**
 * Whether a piece of a claim fits a piece of a glob, which is given as the texts around its stars.
 * Each text between two stars is taken at its first occurrence, because that leaves the most of the
 * claim for the stars that follow.
 */
const isPieceCovered = (text: string, [first = '', ...others]: readonly string[]): boolean => {
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
};

const placeholder = /\{([^{}]*)\}/g;

/** The paths of the claims that a template inserts, in order. */
export const claimsInsertedBy = (template: string): readonly ClaimPath[] =>
  [...template.matchAll(placeholder)].map(([, path = '']) => path);

/**
 * The texts of a template before, between and after the claims that it inserts: one text more than
 * there are claims.
 */
export const textAroundClaims = (template: string): readonly string[] =>
  template.split(/\{[^{}]*\}/);

/** Inserts claims into a template. `textOf` returns the text of the claim at a path. */
export const insertClaims = (template: string, textOf: (path: ClaimPath) => string): string =>
  template.replaceAll(placeholder, (_, path: string) => textOf(path));

/**
 * Whether the text is a word of letters, digits, "_" and "-". If such a word is inserted into a
 * template whose parts are separated by other characters, such as "." or ":", it can neither end
 * its own part nor begin another one.
 */
export const isWord = (text: string): boolean => /^[A-Za-z0-9_-]+$/.test(text);
