/**
 * Checks the sizes of values and replies before anything of that size is built: a file of 256 KiB may name a secret
 * of 64 KiB thirty thousand times. The size of a reply is that of its body inside the function's result, where it is
 * a JSON string.
 */
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { partsOf, writtenAs } from './candidates.ts';
import type { Plan } from './references.ts';
import { jsonBytes, utf8Bytes } from './sizes.ts';

/** Values by the text of their references. */
type Bytes = ReadonlyMap<string, Uint8Array>;

/** Counts the bytes of a growing reply. Throws `too_large` before the reply exceeds its limit. */
export type Budget = {
  /** Counts a part of the file. */
  readonly spendText: (text: string) => void;
  /** Counts a part of the JSON around the file, as it is sent. */
  readonly spendJson: (json: string) => void;
};

/** In a `json` reply the file is a JSON string, with lists of created and resolved secrets. `limit` is in bytes. */
export const replyBudget = (plan: Plan, reply: 'json' | 'text', limit: number): Budget => {
  let spent = 0;
  const spend = (bytes: number): void => {
    spent += bytes;
    requireAtMost(spent, limit);
  };
  const spendJson = (json: string): void => spend(jsonBytes(json));
  if (reply === 'json') spendJson(surroundings(plan));
  const depth = reply === 'json' ? 2 : 1;
  return { spendText: (text) => spend(jsonBytes(text, depth)), spendJson };
};

/** Throws `too_large` if all values that the file stores or reads exceed their common limit. */
export const requireValuesFit = ({ create, read }: Plan, resolved: Bytes): void => {
  let bytes = 0;
  for (const { value } of create) bytes += utf8Bytes(value);
  for (const reference of read) bytes += resolved.get(writtenAs(reference))?.length ?? 0;
  requireAtMost(bytes, limits.fileValuesBytesMax);
};

/** Throws `too_large` if the resolved values alone exceed `limit`, in bytes. Their spellings are at least as long. */
export const requireLinesFit = (plan: Plan, resolved: Bytes, limit: number): void => {
  let bytes = 0;
  for (const { line, candidates, treatment } of plan.lines) {
    if (treatment !== 'write' || line.kind !== 'assignment') continue;
    for (const part of partsOf(line.value.decoded, candidates, plan.final)) {
      if (typeof part === 'string') bytes += part.length;
      else if (part.kind === 'secret') bytes += resolved.get(writtenAs(part))?.length ?? 0;
    }
  }
  requireAtMost(bytes, limit);
};

/** The JSON around the file, with the longest version numbers, because current versions are not known here. */
const surroundings = ({ create, read }: Plan): string => {
  const created = create.map(({ name }) => ({ name, version: 1 }));
  const resolved = read.map(({ name, version = limits.versionMax }) => ({ name, version }));
  return JSON.stringify({ content: '', created, resolved, warnings: [] });
};

export const requireAtMost = (bytes: number, limit: number): void => {
  if (bytes <= limit) return;
  throw new VaultError('too_large', 'the values, or the reply, would be too large', {
    members: { limit },
  });
};
