/** Finds all candidates of a file, by line and by name. */
import { type Candidate, findCandidates, type Reference, writtenAs } from './candidates.ts';
import { type Assignment, type ParsedFile, rawOffset } from './grammar.ts';

export type ScannedLine = {
  readonly line: Assignment;
  readonly candidates: readonly Candidate[];
  /** The offset of each candidate in the file. */
  readonly offsets: readonly number[];
};

export type References = {
  /** The assignments, in order. */
  readonly lines: readonly ScannedLine[];
  /** The first assignment to each key. */
  readonly assignments: ReadonlyMap<string, ScannedLine>;
  readonly unreadableKeys: ReadonlySet<string>;
  /** Each `secret()` by its text, in the order of first positions. */
  readonly secret: ReadonlyMap<string, PlacedReference>;
  /** The name and the first offset of each `enc()`, in the order of these offsets. */
  readonly enc: ReadonlyMap<string, number>;
};

/** A reference with the offset of its first occurrence. */
type PlacedReference = Reference & { readonly offset: number };

export const scanFile = (file: ParsedFile): References => {
  const lines: ScannedLine[] = [];
  const assignments = new Map<string, ScannedLine>();
  const unreadableKeys = new Set<string>();
  const secret = new Map<string, PlacedReference>();
  const enc = new Map<string, number>();
  for (const line of file.lines) {
    if (line.kind !== 'assignment') {
      if (line.key !== undefined) unreadableKeys.add(line.key);
      continue;
    }
    const candidates = findCandidates(line.value.decoded);
    const offsets = candidates.map(({ start }) => rawOffset(line.value, start));
    const scanned = { line, candidates, offsets };
    lines.push(scanned);
    if (!assignments.has(line.key)) assignments.set(line.key, scanned);
    for (const [index, { kind, name, version }] of candidates.entries()) {
      const offset = offsets[index] ?? 0;
      const written = writtenAs({ name, version });
      if (kind === 'secret' && !secret.has(written)) secret.set(written, { name, version, offset });
      if (kind === 'enc' && !enc.has(name)) enc.set(name, offset);
    }
  }
  return { lines, assignments, unreadableKeys, secret, enc };
};
