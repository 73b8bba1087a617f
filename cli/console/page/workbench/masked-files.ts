/** Masks the values in files, so that the files can be shown. */
import type { Plan } from '../../../../functions/env/plan.ts';
import { writtenAs } from '../../../../functions/env/references.ts';
import { renderFile } from '../../../../functions/env/render.ts';
import { VaultError } from '../../../../functions/model/errors.ts';

export const mask = '••••••••';

/**
 * Returns the submitted file with a mask in place of each value that `enc()` stores from its own
 * line.
 */
export const maskedInput = ({ content, lines }: Plan): string => {
  const pieces: string[] = [];
  let copied = 0;
  for (const { line, storedAs } of lines) {
    if (line.kind !== 'assignment' || storedAs === undefined) continue;
    pieces.push(content.slice(copied, line.value.offset), mask);
    copied = line.value.offset + line.value.raw.length;
  }
  return [...pieces, content.slice(copied)].join('');
};

/**
 * Returns the file that the vault answers with, but with a mask in place of each resolved value. It
 * is rendered in the page from the submitted file alone, so the masks reveal nothing about the
 * values. `undefined` if the program that reads the file could not read a mask in some place.
 */
export const maskedResult = (plan: Plan): string | undefined => {
  // The mask is a plain word, because that needs no quotes in any dialect.
  let word = 'masked';
  while (plan.content.includes(word)) word += 'x';
  const bytes = new TextEncoder().encode(word);
  const values = new Map(plan.read.map((reference) => [writtenAs(reference), bytes]));
  try {
    return renderFile(plan, values, 'text').content.replaceAll(word, mask);
  } catch (error) {
    if (error instanceof VaultError) return undefined;
    throw error;
  }
};
