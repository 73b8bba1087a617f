/** How a policy reads and compares the claims of a token, and inserts them into texts. */
import type { ClaimPath, MatchValue } from './policy.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** The claim at a path; `undefined` if the token has none. A path does not lead into a list. */
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

/** Whether the claim, or one element of a list, is one of the values. A number equals no value. */
export const matches = (claim: unknown, values: MatchValue | readonly MatchValue[]): boolean =>
  [claim].flat().some((element) => [values].flat().some((value) => equals(element, value)));

const equals = (element: unknown, value: MatchValue): boolean =>
  typeof element === 'string' && typeof value === 'string'
    ? isCoveredBy(element, value)
    : element === value;

/**
 * Whether a text fits a glob, whose `*` stands for any characters but "/", ":" and ".". These three part both into
 * pieces, so the time grows only with the lengths.
 */
export const isCoveredBy = (text: string, glob: string): boolean => {
  if (!glob.includes('*')) return text === glob;
  const [pieces, globs] = [text.split(/([/:.])/), glob.split(/([/:.])/)];
  return (
    pieces.length === globs.length &&
    globs.every((piece, index) => isPieceCovered(pieces[index] ?? '', piece))
  );
};

/** The text between two stars is taken where it occurs first, which leaves the most text to the stars that follow. */
const isPieceCovered = (text: string, glob: string): boolean => {
  const [first = '', ...others] = glob.split('*');
  const last = others.pop();
  if (last === undefined) return text === glob;
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

/** The paths of the claims that a text inserts, in their order. */
export const claimsInsertedBy = (template: string): readonly ClaimPath[] =>
  [...template.matchAll(placeholder)].map(([, path = '']) => path);

/** The text around the inserted claims: one part more than there are claims. */
export const textAroundClaims = (template: string): readonly string[] =>
  template.split(/\{[^{}]*\}/);

/** Fills claims into a text. `textOf` returns the text of the claim at a path. */
export const insertClaims = (template: string, textOf: (path: ClaimPath) => string): string =>
  template.replaceAll(placeholder, (_, path: string) => textOf(path));

/** One word of letters, digits, "_" and "-", which can neither end a name nor begin another. */
export const isWord = (text: string): boolean => /^[A-Za-z0-9_-]+$/.test(text);
