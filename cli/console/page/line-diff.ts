/** Compares two values line by line, in the page. */
import { diffArrays } from 'diff';

/** A line of a comparison; `skipped` stands for `count` unchanged lines. */
export type DiffLine =
  | { readonly kind: 'same' | 'removed' | 'added'; readonly text: string }
  | { readonly kind: 'skipped'; readonly count: number };

/**
 * How many lines may be removed and added in all. The time that a diff takes grows with the square
 * of this number, and the page must not freeze.
 */
const linesDifferMax = 2_000;
const contextLines = 3;

/**
 * Returns the lines that differ, with some context. The list is empty if the texts are equal, and
 * `undefined` if too many lines differ.
 */
export const diffLines = (from: string, to: string): readonly DiffLine[] | undefined => {
  if (from === to) return [];
  const options = { maxEditLength: linesDifferMax };
  const parts = diffArrays(from.split('\n'), to.split('\n'), options);
  return parts?.flatMap(({ added, removed, value }, index): readonly DiffLine[] => {
    const kind = added ? 'added' : removed ? 'removed' : 'same';
    const lines = value.map((text) => ({ kind, text: visible(text) }) as const);
    if (kind !== 'same') return lines;
    const head = index === 0 ? 0 : contextLines;
    const tail = index === parts.length - 1 ? 0 : contextLines;
    const count = lines.length - head - tail;
    if (count <= 1) return lines;
    const end = tail === 0 ? [] : lines.slice(-tail);
    return [...lines.slice(0, head), { kind: 'skipped', count }, ...end];
  });
};

/** Escapes characters that are invisible or that change the direction of text. */
const visible = (text: string): string =>
  text.replaceAll(/[^\P{Cc}\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const hex = character.codePointAt(0)?.toString(16) ?? '';
    return `\\u{${hex}}`;
  });
