/**
 * References in decoded values. A candidate looks like one to a person; it must be one exactly, or be
 * made text by a backslash: nothing that looks like a reference is passed through in silence.
 */

/** What `secret()` stands for: the current version of a secret, or the one that it is pinned to. */
export type Reference = { readonly name: string; readonly version: number | undefined };

/** The reference as it is written between its brackets: names hold no `@`, so no two are alike. */
export const writtenAs = ({ name, version }: Reference): string =>
  version === undefined ? name : `${name}@${version}`;

export type Candidate = Reference & {
  /** `malformed`: no reference though it looks like one. `text`: a backslash makes it text. */
  readonly kind: 'secret' | 'enc' | 'malformed' | 'text';
  /** The name of a reference; else empty. */
  readonly name: string;
  /** Of a pinned `secret()`. */
  readonly version: number | undefined;
  /** Where its first letter stands, in the decoded value. */
  readonly start: number;
  /** After its closing bracket; of what is no reference, after the opening one. */
  readonly end: number;
  /** How many stand right before it. */
  readonly backslashes: number;
};

/** What a value is made of once its references and their backslashes are understood. */
export type Part =
  | string
  | ({ readonly kind: 'secret' } & Reference)
  /** A candidate that a later request shall find as it is, with its backslashes before it. */
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
 * The parts of a value without malformed candidates. Each pair of backslashes before a candidate
 * stands for one; an odd one left over makes it text. Unless the reply is `final`, text stays
 * escaped and `enc(NAME)` becomes `secret(NAME)`, both to be understood later.
 */
export const partsOf = (
  value: string,
  candidates: readonly Candidate[],
  final: boolean,
): Part[] => {
  const parts: Part[] = [];
  let copied = 0;
  for (const { kind, name, version, start, end, backslashes } of candidates) {
    const stays = !final && kind !== 'secret';
    parts.push(value.slice(copied, start - (stays ? 0 : Math.ceil(backslashes / 2))));
    copied = final && kind === 'text' ? start : end;
    if (kind === 'secret') parts.push({ kind, name, version });
    else if (stays) {
      const text = kind === 'enc' ? `secret(${name})` : value.slice(start, end);
      parts.push({ kind: 'later', text, backslashes });
    }
  }
  parts.push(value.slice(copied));
  return parts.filter((part) => part !== '');
};

const nameThenBracket = /([A-Za-z_][A-Za-z0-9_.-]{0,127})(?:@([1-9][0-9]{0,8}))?\)/y;

/** A secret name (functions/model/names.ts), perhaps a version of it, that a closing bracket ends. */
const referenceAt = (value: string, open: number, word: string) => {
  nameThenBracket.lastIndex = open;
  const [all, name, digits] = nameThenBracket.exec(value) ?? [];
  if (all === undefined || name === undefined) return undefined;
  const version = digits === undefined ? undefined : Number(digits);
  const end = open + all.length;
  if (word === 'secret(') return { kind: 'secret', name, version, end } as const;
  // What is new has no version yet that it could be pinned to.
  if (word === 'enc(' && version === undefined) return { kind: 'enc', name, version, end } as const;
  return undefined;
};

const countBackslashes = (value: string, before: number): number => {
  let at = before;
  while (at > 0 && value[at - 1] === '\\') at--;
  return before - at;
};
