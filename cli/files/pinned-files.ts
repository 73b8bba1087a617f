/** `.env` files whose references are pinned to versions. */
import { existsSync, statSync } from 'node:fs';
import { errorsAt, reportOf } from '../../functions/env/faults.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { findPins, replaceParts } from '../../functions/env/pins.ts';
import { type Reference, type References, scanFile } from '../../functions/env/references.ts';
import { failure, refusal } from '../../system/failures.ts';
import { readText } from '../values/read-value.ts';
import { planOrFail } from './file-failures.ts';
import { type Facts, whyUnusable } from './version-facts.ts';

type LocatedReference = Reference & { readonly offset: number };

export type PinnableFile = {
  /** The name of the file, as the user typed it. */
  readonly file: string;
  readonly content: string;
  readonly lines: References['lines'];
  /** Each `secret()` of the file once, with the offset of its first occurrence. */
  readonly references: readonly LocatedReference[];
};

/** Reads a file that `env expand` would accept. Throws its errors; `enc()` is one of them. */
export const readPinnable = async (file: string): Promise<PinnableFile> => {
  if (file.endsWith('.lock') && !existsSync(file)) {
    throw failure(`there is no file ${file}: dsvault lock writes it`);
  }
  const content = await readText(file);
  return { file, content, ...referencesIn(file, content) };
};

/**
 * The references in a text. Throws like `readPinnable`, so that a text is checked before it is
 * written.
 */
export const referencesIn = (file: string, content: string) => {
  const { lines, secret } = planOrFail(file, content).references;
  return { lines, references: [...secret.values()] };
};

/**
 * The file from which `lock` made this lockfile, if the two now differ in more than versions.
 * `null` if they do not, if this is not a lockfile, or if that file is gone.
 */
export const findOtherSource = async ({ file, content }: PinnableFile): Promise<string | null> => {
  const source = /^(.+)\.lock$/s.exec(file)?.[1];
  if (source === undefined || !existsSync(source) || !statSync(source).isFile()) return null;
  const other = await readText(source);
  return atVersionOne(other) === atVersionOne(content) ? null : source;
};

/**
 * The text with version 1 in each reference, so that texts can be compared regardless of their
 * versions.
 */
const atVersionOne = (content: string): string =>
  replaceParts(
    content,
    findPins(scanFile(parseFile(content)).lines, () => ({ version: 1 })),
  );

/** Throws the positions of all references that have no value, if there are any. */
export const requireUsable = (
  { file, content }: PinnableFile,
  references: readonly LocatedReference[],
  facts: Facts,
): void => {
  const faults = references.flatMap((reference) => {
    const code = whyUnusable(facts, reference);
    return code ? [{ offset: reference.offset, code, name: reference.name }] : [];
  });
  if (faults.length === 0) return;
  const detail = 'secrets of the file cannot be read';
  const { errors, errorsTotal } = reportOf(errorsAt(content, faults));
  throw refusal({ code: 'not_found', detail, errors: [...errors], errorsTotal }, file);
};
