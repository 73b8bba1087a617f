/** All candidates of a file, by line and by name. */
import { type Candidate, findCandidates } from './candidates.ts';
import { type Assignment, type ParsedFile, rawOffset } from './grammar.ts';

export type ScannedLine = {
  readonly line: Assignment;
  readonly candidates: readonly Candidate[];
  /** Where in the file each of them begins. */
  readonly offsets: readonly number[];
};

export type References = {
  /** The assignments, in order. */
  readonly lines: readonly ScannedLine[];
  /** The first assignment to each key. */
  readonly assignments: ReadonlyMap<string, ScannedLine>;
  readonly unreadableKeys: ReadonlySet<string>;
  /** Each name and where it is referred to first, in the order of those places. */
  readonly secret: ReadonlyMap<string, number>;
  readonly enc: ReadonlyMap<string, number>;
};

export const scanFile = (file: ParsedFile): References => {
  const lines: ScannedLine[] = [];
  const assignments = new Map<string, ScannedLine>();
  const unreadableKeys = new Set<string>();
  const first = { secret: new Map<string, number>(), enc: new Map<string, number>() };
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
    for (const [index, { kind, name }] of candidates.entries()) {
      if (kind !== 'secret' && kind !== 'enc') continue;
      if (!first[kind].has(name)) first[kind].set(name, offsets[index] ?? 0);
    }
  }
  return { lines, assignments, unreadableKeys, ...first };
};
