/** Puts versions into the references of a file: `secret(NAME)` or `secret(NAME@2)` becomes `secret(NAME@3)`. */
import type { Reference, ScannedLine } from './references.ts';

/** A pin to write, in place of `length` code units of the file from `offset`. */
export type Pin = { readonly offset: number; readonly length: number; readonly text: string };

type LineReferences = Pick<ScannedLine, 'candidates' | 'offsets'>;

/**
 * The pins of `secret()` references, in the order of the file. `versionOf` returns the version for a reference, or
 * `undefined` for one that stays as it is.
 */
export const findPins = (
  lines: readonly LineReferences[],
  versionOf: (reference: Reference) => number | undefined,
): Pin[] =>
  lines.flatMap(({ candidates, offsets }) =>
    candidates.flatMap(({ kind, name, version, start, end }, index) => {
      const chosen = kind === 'secret' ? versionOf({ name, version }) : undefined;
      if (chosen === undefined || chosen === version) return [];
      const before = 'secret('.length + name.length;
      const offset = (offsets[index] ?? 0) + before;
      return [{ offset, length: end - start - before - ')'.length, text: `@${chosen}` }];
    }),
  );

/**
 * The file with its pins. Nothing else changes: no character of a reference can be an escape, so a pin is written
 * directly into the text.
 */
export const withPins = (content: string, pins: readonly Pin[]): string => {
  const pieces: string[] = [];
  let copied = 0;
  for (const { offset, length, text } of pins) {
    pieces.push(content.slice(copied, offset), text);
    copied = offset + length;
  }
  pieces.push(content.slice(copied));
  return pieces.join('');
};
