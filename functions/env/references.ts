/**
 * The references in the decoded values of a file. A candidate is anything that a person might take
 * for a reference. It must either be an exact reference, or be escaped by a backslash, so that no
 * typing error goes unnoticed.
 */

import { errorsAt, type Fault, type Report, reportOf } from './faults.ts';
import { type Assignment, type ParsedFile, rawOffset } from './grammar.ts';

/**
 * A `secret()` reference to the current version of a secret or to a pinned one. If the pin has an
 * anchor, the version must have the same anchor. Only `enc()` can refer to the next version.
 */
export type Reference = {
  readonly name: string;
  readonly version?: number | undefined;
  readonly anchor?: string | undefined;
  readonly isNext?: true | undefined;
};

/** The text of a reference between its brackets. It is unique, because names never contain `@`. */
export const writtenAs = ({ name, version, anchor, isNext }: Reference): string => {
  if (isNext) return `${name}@next`;
  return version === undefined
    ? name
    : `${name}@${version}${anchor === undefined ? '' : `.${anchor}`}`;
};

export type Candidate = Reference & {
  /** `malformed`: looks like a reference but is not one. `text`: escaped by a backslash. */
  readonly kind: 'secret' | 'enc' | 'malformed' | 'text';
  /** The name of the secret; empty if the candidate is not a reference. */
  readonly name: string;
  /** The offset of the candidate's first letter in the decoded value. */
  readonly start: number;
  /**
   * The offset after the candidate's closing bracket, or after its opening bracket if the candidate
   * is not a reference.
   */
  readonly end: number;
  /** The number of backslashes directly before the candidate. */
  readonly backslashes: number;
};

export type PlacedCandidate = Candidate & { readonly offset: number };

/** A part of a value after parsing its references and backslashes. */
export type Part =
  | string
  | ({ readonly kind: 'secret' } & Reference)
  /** A candidate that a later request must find unchanged, with this many backslashes before it. */
  | { readonly kind: 'later'; readonly text: string; readonly backslashes: number };

/**
 * Finds everything in a value that looks like a reference, valid, malformed or escaped, in order.
 * Takes linear time.
 */
export const findCandidates = (value: string): Candidate[] => {
  const found: Candidate[] = [];
  const opening = /(?<![A-Za-z0-9_])(?:secret|enc)[ \t]*\(/gi;
  for (let match = opening.exec(value); match !== null; match = opening.exec(value)) {
    const start = match.index;
    const backslashes = countBackslashes(value, start);
    const word = match[0];
    const open = start + word.length;
    const isText = backslashes % 2 === 1;
    const reference = isText ? undefined : referenceAt(value, open, word);
    if (reference) found.push({ ...reference, start, backslashes });
    else {
      const kind = isText ? 'text' : 'malformed';
      found.push({ kind, name: '', version: undefined, start, end: open, backslashes });
    }
  }
  return found;
};

/**
 * Splits a value, which must have no malformed candidates, into its parts. Each pair of backslashes
 * before a candidate stands for one backslash, and an odd one makes the candidate text. If the
 * reply is not `final`, a later request parses it again: then text stays escaped, and `enc(NAME)`
 * becomes `secret(NAME)`.
 */
export const partsOf = (
  value: string,
  candidates: readonly Candidate[],
  final: boolean,
): Part[] => {
  const parts: Part[] = [];
  let copied = 0;
  for (const { kind, name, version, anchor, start, end, backslashes } of candidates) {
    const stays = !final && kind !== 'secret';
    parts.push(value.slice(copied, start - (stays ? 0 : Math.ceil(backslashes / 2))));
    copied = final && kind === 'text' ? start : end;
    if (kind === 'secret') parts.push({ kind, name, version, anchor });
    else if (stays) {
      const text = kind === 'enc' ? `secret(${name})` : value.slice(start, end);
      parts.push({ kind: 'later', text, backslashes });
    }
  }
  parts.push(value.slice(copied));
  return parts.filter((part) => part !== '');
};

const nameThenBracket =
  /([A-Za-z_][A-Za-z0-9_.-]{0,127})(?:@(?:(next)|([1-9][0-9]{0,8})(?:\.([A-Za-z0-9_-]{8}))?))?\)/y;

/** The reference after an opening bracket: a secret's name, and possibly a version. */
const referenceAt = (value: string, open: number, word: string) => {
  nameThenBracket.lastIndex = open;
  const [all, name, next, digits, anchor] = nameThenBracket.exec(value) ?? [];
  if (all === undefined || name === undefined) return undefined;
  const version = digits === undefined ? undefined : Number(digits);
  const isNext = next === undefined ? undefined : true;
  const end = open + all.length;
  if (word === 'secret(' && !isNext) return { kind: 'secret', name, version, anchor, end } as const;
  // The value of an `enc()` has no version number before it is stored, so `enc()` cannot be pinned
  // to a number.
  if (word === 'enc(' && version === undefined) return { kind: 'enc', name, isNext, end } as const;
  return undefined;
};

/** Whether the value of a line has a reference, also a malformed one. Escaped ones do not count. */
export const hasReference = ({ value }: Assignment): boolean =>
  findCandidates(value.decoded).some(({ kind }) => kind !== 'text');

const countBackslashes = (value: string, before: number): number => {
  let at = before;
  while (at > 0 && value[at - 1] === '\\') at--;
  return before - at;
};

export type ScannedLine = {
  readonly line: Assignment;
  readonly candidates: readonly PlacedCandidate[];
};

export type References = {
  readonly lines: readonly ScannedLine[];
  /** The first assignment to each key. */
  readonly assignments: ReadonlyMap<string, ScannedLine>;
  readonly unreadableKeys: ReadonlySet<string>;
  /** Each `secret()` by its text, in the order in which they first occur. */
  readonly secret: ReadonlyMap<string, FirstReference>;
  /** Each `enc()` by its name, in the order in which they first occur. */
  readonly enc: ReadonlyMap<string, FirstReference>;
};

/** A reference where it first occurs, with the key of that line. */
export type FirstReference = Reference & { readonly key: string; readonly offset: number };

export const scanFile = (file: ParsedFile): References => {
  const lines: ScannedLine[] = [];
  const assignments = new Map<string, ScannedLine>();
  const unreadableKeys = new Set<string>();
  const secret = new Map<string, FirstReference>();
  const enc = new Map<string, FirstReference>();
  for (const line of file.lines) {
    if (line.kind !== 'assignment') {
      if (line.key !== undefined) unreadableKeys.add(line.key);
      continue;
    }
    const candidates = findCandidates(line.value.decoded).map((found) => ({
      ...found,
      offset: rawOffset(line.value, found.start),
    }));
    const scanned = { line, candidates };
    lines.push(scanned);
    if (!assignments.has(line.key)) assignments.set(line.key, scanned);
    for (const { kind, name, version, anchor, isNext, offset } of candidates) {
      const first = { name, version, anchor, isNext, key: line.key, offset };
      const written = writtenAs(first);
      if (kind === 'secret' && !secret.has(written)) secret.set(written, first);
      if (kind === 'enc' && !enc.has(name)) enc.set(name, first);
    }
  }
  return { lines, assignments, unreadableKeys, secret, enc };
};

type ScannedFile = { readonly content: string; readonly references: References };

/**
 * Reports `code` for every reference whose text is in `texts`, at its first occurrence. With
 * `secret_exists` these are `enc()` references; with the other codes, `secret()` and
 * `enc(NAME@next)`.
 */
export const reportReferences = (
  { content, references: { enc, secret } }: ScannedFile,
  texts: ReadonlySet<string>,
  code: 'secret_exists' | 'not_found' | 'version_conflict' | 'pin_mismatch' | 'version_destroyed',
): Report => {
  const existing = [...secret.values(), ...[...enc.values()].filter(({ isNext }) => isNext)];
  const faults: Fault[] = [];
  for (const first of code === 'secret_exists' ? enc.values() : existing) {
    if (texts.has(writtenAs(first))) faults.push({ offset: first.offset, code, name: first.name });
  }
  return reportOf(errorsAt(content, faults));
};
