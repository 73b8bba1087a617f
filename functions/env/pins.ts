/** Pins the references of a file to versions: `secret(NAME)` or `secret(NAME@2)` becomes `secret(NAME@3)`. */
import { type PlacedCandidate, type Reference, writtenAs } from './references.ts';

/** A text to write in place of `length` code units of the file from `offset`. */
export type Pin = { readonly offset: number; readonly length: number; readonly text: string };

/** The version, and perhaps the anchor, that a reference is pinned to. */
export type Pinned = { readonly version: number; readonly anchor?: string | undefined };

/** The pins of `secret()` references, in the order of the file. Without a version, a reference stays. */
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
 * The text with other texts in place of some parts, which ascend. No character of a reference can be an escape, so a
 * part of one is replaced as it is.
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
