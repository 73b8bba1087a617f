/**
 * The references in the decoded values of a file. A candidate looks like a reference to a person. Each
 * candidate must be an exact reference, or a backslash must make it text, so that no typing error passes.
 */

import { errorsAt, type Fault, type Report, reportOf } from './faults.ts';
import { type Assignment, type ParsedFile, rawOffset } from './grammar.ts';

/**
 * A reference by `secret()`: to the current version of a secret, or to a pinned one. The version of an anchored pin must
 * have this anchor. Only `enc()` can name the next version.
 */
export type Reference = {
  readonly name: string;
  readonly version?: number | undefined;
  readonly anchor?: string | undefined;
  readonly isNext?: true | undefined;
};

/** The text of a reference between its brackets: unique, because names hold no `@`. */
export const writtenAs = ({ name, version, anchor, isNext }: Reference): string => {
  if (isNext) return `${name}@next`;
  return version === undefined
    ? name
    : `${name}@${version}${anchor === undefined ? '' : `.${anchor}`}`;
};

export type Candidate = Reference & {
  /** `malformed`: it looks like a reference and is none. `text`: a backslash makes it text. */
  readonly kind: 'secret' | 'enc' | 'malformed' | 'text';
  /** Empty unless it is a reference. */
  readonly name: string;
  /** The offset of its first letter in the decoded value. */
  readonly start: number;
  /** The offset after its closing bracket; after the opening bracket if it is no reference. */
  readonly end: number;
  /** The number of backslashes directly before it. */
  readonly backslashes: number;
};

/** A candidate with its offset in the file. */
export type PlacedCandidate = Candidate & { readonly offset: number };

/** A part of a value whose references and backslashes have been parsed. */
export type Part =
  | string
  | ({ readonly kind: 'secret' } & Reference)
  /** A candidate that a later request must find unchanged, with the backslashes before it. */
  | { readonly kind: 'later'; readonly text: string; readonly backslashes: number };

/** All candidates of a value, in order; linear in its length. */
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
 * The parts of a value without malformed candidates. Each pair of backslashes before a candidate stands for
 * one backslash, and an odd one makes the candidate text. Unless the reply is `final`, text stays escaped and
 * `enc(NAME)` becomes `secret(NAME)`, because a later request parses both.
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

/** The reference after an opening bracket: a secret name, and perhaps a version. */
const referenceAt = (value: string, open: number, word: string) => {
  nameThenBracket.lastIndex = open;
  const [all, name, next, digits, anchor] = nameThenBracket.exec(value) ?? [];
  if (all === undefined || name === undefined) return undefined;
  const version = digits === undefined ? undefined : Number(digits);
  const isNext = next === undefined ? undefined : true;
  const end = open + all.length;
  if (word === 'secret(' && !isNext) return { kind: 'secret', name, version, anchor, end } as const;
  // A version that `enc()` stores has no number yet, so `enc()` cannot be pinned.
  if (word === 'enc(' && version === undefined) return { kind: 'enc', name, isNext, end } as const;
  return undefined;
};

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
  /** Each `secret()` by its text, in the order of first positions. */
  readonly secret: ReadonlyMap<string, FirstReference>;
  /** Each `enc()` by its name, in the order of first positions. */
  readonly enc: ReadonlyMap<string, FirstReference>;
};

/** A reference with the offset of its first occurrence. */
export type FirstReference = Reference & { readonly offset: number };

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
      const first = { name, version, anchor, isNext, offset };
      const written = writtenAs(first);
      if (kind === 'secret' && !secret.has(written)) secret.set(written, first);
      if (kind === 'enc' && !enc.has(name)) enc.set(name, first);
    }
  }
  return { lines, assignments, unreadableKeys, secret, enc };
};

type ScannedFile = { readonly content: string; readonly references: References };

/**
 * Reports `code` for each reference whose text is one of `texts`, at its first position: for each `enc()` with
 * `secret_exists`, and for each `secret()` and each `enc(NAME@next)` with the other codes.
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
