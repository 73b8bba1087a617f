/**
 * The submitted file with every `secret(NAME)` pinned to the version that it stood for. Expanding the pinned file
 * gives the same result again, even after updates. Nothing else changes: no character of a reference can be an
 * escape, so the pin is inserted directly into the written text.
 */
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Plan } from './references.ts';
import { type Budget, requireAtMost } from './reply-size.ts';
import { utf8Bytes } from './sizes.ts';

/** The version that each reference stands for, by the text of the reference. */
export type Versions = ReadonlyMap<string, { readonly version: number }>;

/** A text to insert, and the offset in the file before which to insert it. */
type Pin = { readonly offset: number; readonly text: string };

/** The pins of a file, in the order of the file. `versions` must hold every unpinned reference of the plan. */
export const findPins = ({ lines }: Plan, versions: Versions): Pin[] =>
  lines.flatMap(({ candidates, offsets }) =>
    candidates.flatMap(({ kind, name, version }, index) => {
      if (kind !== 'secret' || version !== undefined) return [];
      const used = versions.get(name);
      if (!used) throw new VaultError('internal', 'a version to be pinned to is missing');
      const offset = (offsets[index] ?? 0) + 'secret('.length + name.length;
      return [{ offset, text: `@${used.version}` }];
    }),
  );

/**
 * Counts the pinned file in the budget of its reply, which is JSON. Throws `too_large` if the pinned file would exceed
 * the limit of a file, because the caller could not submit it.
 */
export const spendPinned = ({ content }: Plan, pins: readonly Pin[], budget: Budget): void => {
  const added = pins.map(({ text }) => text).join('');
  requireAtMost(utf8Bytes(content) + added.length, limits.fileBytesMax);
  budget.spendJson(',"pinned":""');
  budget.spendText(content);
  budget.spendText(added);
};

export const withPins = ({ content }: Plan, pins: readonly Pin[]): string => {
  const pieces: string[] = [];
  let copied = 0;
  for (const { offset, text } of pins) {
    pieces.push(content.slice(copied, offset), text);
    copied = offset;
  }
  pieces.push(content.slice(copied));
  return pieces.join('');
};
