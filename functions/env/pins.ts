/**
 * Pins the references of a file to versions: `secret(NAME)` or `secret(NAME@2)` becomes
 * `secret(NAME@3)`.
 */
import { type PlacedCandidate, type Reference, writtenAs } from './references.ts';

/** A text that replaces `length` code units of the file from `offset` on. */
export type Pin = { readonly offset: number; readonly length: number; readonly text: string };

/** The version, and possibly the anchor, to which a reference is pinned. */
export type Pinned = { readonly version: number; readonly anchor?: string | undefined };

/**
 * Returns the pins for the `secret()` references of these lines, in the order of the file. A
 * reference for which `versionOf` returns nothing stays as it is.
 */
export const findPins = (
  lines: readonly { readonly candidates: readonly PlacedCandidate[] }[],
  versionOf: (reference: Reference) => Pinned | undefined,
): Pin[] =>
  lines.flatMap(({ candidates }) =>
    candidates.flatMap(({ kind, name, version, anchor, start, end, offset }) => {
      const chosen = kind === 'secret' ? versionOf({ name, version, anchor }) : undefined;
      if (chosen === undefined) return [];
      const before = 'secret('.length + name.length;
      const length = end - start - before - ')'.length;
      const text = writtenAs({ name, ...chosen }).slice(name.length);
      return [{ offset: offset + before, length, text }];
    }),
  );

/**
 * Replaces parts of a text. The parts must be in ascending order. The characters of a reference are
 * never written as escapes, so a reference is as long in the raw text as in the decoded one, and a
 * length counted in one of them fits the other.
 */
export const replaceParts = (text: string, parts: readonly Pin[]): string => {
  const pieces: string[] = [];
  let copied = 0;
  for (const { offset, length, text: other } of parts) {
    pieces.push(text.slice(copied, offset), other);
    copied = offset + length;
  }
  pieces.push(text.slice(copied));
  return pieces.join('');
};
