/** The secrets in a line of the log, and why its request was refused, as tables show them. */
import type { LogLine } from './log-lines.ts';

const shownMax = 3;

/** The names that a person searches for: those that match every field that is given. */
export type SoughtNames = {
  /** The exact name of one secret. */
  readonly name?: string | undefined;
  /** A text that the name must contain, in upper or lower case. */
  readonly secret?: string | undefined;
};

/** Whether this name, which may have a version behind it, is among those that are sought. */
export const isSought = (shown: string, { name, secret }: SoughtNames): boolean =>
  (!name || shown === name || shown.startsWith(`${name}@`)) &&
  (!secret || shown.toLowerCase().includes(secret.toLowerCase()));

/**
 * Returns the names of the secrets in a line, with their versions if the line has them; those that
 * are `sought` come first. If there are more than three, returns the first three and the number of
 * the others.
 */
export const namesIn = (
  { secret, version, read, wrote, copied }: NamesOfLine,
  sought: SoughtNames = {},
): string | undefined => {
  const own = secret !== undefined && version !== undefined ? `${secret}@${version}` : secret;
  const names = [...new Set([...(own === undefined ? [] : [own]), ...read, ...copied, ...wrote])];
  // A line can name the secret of its URL once without a version, and again with its version among
  // those that were read or written. Leave out the former.
  const others = names.filter((name) => !names.some((one) => one.startsWith(`${name}@`)));
  const matching = others.filter((name) => isSought(name, sought));
  return firstOf([...new Set([...matching, ...others])]) || undefined;
};
type NamesOfLine = Pick<LogLine, 'secret' | 'version' | 'read' | 'wrote' | 'copied'>;

/** The fields of a line that say why its request was refused. */
export const whyFields = ['why', 'reasons', 'blocking', 'by', 'mismatches'] as const;

/**
 * Says in one text why the request was refused: the reason or the counts of a file's faults, the
 * version in the way, what decided, and each rule with the claim that differed, such as "no_rule
 * 1:ref 2:ref".
 */
export const whyIn = (line: Pick<LogLine, (typeof whyFields)[number]>): string | undefined => {
  const { why, reasons, blocking, by, mismatches = [] } = line;
  const rules = firstOf(mismatches.map((differing) => `${differing.rule}:${differing.claim}`));
  const version = blocking && `@${blocking}`;
  const word = reasons ? countsIn(reasons) : why;
  return [word, version, by, rules].filter(Boolean).join(' ') || undefined;
};

/** Writes named counts as text: each name, with its count if that is more than 1. */
export const countsIn = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => (count === 1 ? name : `${name} ×${count}`))
    .join(' ');

const firstOf = (texts: readonly string[]): string => {
  const first = texts.slice(0, shownMax).join(' ');
  const more = texts.length - shownMax;
  return more > 0 ? `${first} and ${more} more` : first;
};
