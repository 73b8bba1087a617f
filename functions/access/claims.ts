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

/** The values that `match` lists for a claim, prepared for many comparisons. */
export type ListedValues = {
  readonly exact: ReadonlySet<unknown>;
  readonly globs: readonly Glob[];
};

/** The pieces of a glob between "/", ":" and ".", and these, each split at its stars. */
type Glob = readonly (readonly string[])[];

/** Splits the globs, whose `*` stands for any characters but "/", ":" and ".". */
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
 * Whether the claim, or one element of a list, is one of the values. A number equals no value. Calls `count`
 * before each comparison: one for the exact values together, and one for each glob. A comparison takes time
 * that grows only with the lengths.
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

/** The first occurrence of the text between two stars leaves the most text to the stars that follow. */
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
