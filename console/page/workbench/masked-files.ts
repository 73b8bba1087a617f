/** Files as they may be shown: with a mask in place of each value that is stored or resolved. */
import type { Plan } from '../../../functions/env/plan.ts';
import { writtenAs } from '../../../functions/env/references.ts';
import { renderFile } from '../../../functions/env/render.ts';
import { VaultError } from '../../../functions/model/errors.ts';

export const mask = '••••••••';

/** The submitted file with a mask in place of each value that its own line gives to `enc()`. */
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
 * The answer of the vault with a mask in place of each resolved value. The file alone decides the mask, which
 * tells nothing about a value. `undefined` if the reader allows nothing like a mask in some place.
 */
export const maskedResult = (plan: Plan): string | undefined => {
  // A plain word needs no quotes in any dialect.
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
