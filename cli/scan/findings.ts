/** What a search has found in a content and in its path, as a report may show it. */
import type { Content, Place } from './contents.ts';
import type { Hit, KnownValue, ValueSearch } from './value-search.ts';

export type Finding = Place &
  Omit<KnownValue, 'value'> & {
    /** `null`: the value is in the path, which has a mark in its place. */
    readonly line: number | null;
    readonly form: Hit['needle']['form'];
  };

/** Searches a content and its path. In the place that is returned, the path shows no value. */
export const findIn = (
  search: ValueSearch,
  { bytes, ...place }: Content,
): { readonly place: Place; readonly findings: readonly Finding[] } => {
  const path = Buffer.from(place.path ?? '');
  const inPath = search(path);
  const shown = inPath.length === 0 ? place : { ...place, path: masked(path, inPath) };
  const lines = typeof bytes === 'string' ? [] : withLines(bytes, search(bytes));
  const hits = [...inPath.map((hit) => ({ ...hit, line: null })), ...lines];
  // A value that is several times in a line is reported once.
  const findings = new Map<string, Finding>();
  for (const { needle, line } of hits) {
    for (const { value: _, ...known } of needle.of) {
      const key = [line, needle.form, known.name, ...known.versions].join(' ');
      findings.set(key, { ...shown, line, form: needle.form, ...known });
    }
  }
  return { place: shown, findings: [...findings.values()] };
};

const withLines = (bytes: Buffer, hits: readonly Hit[]) => {
  let [line, from] = [1, 0];
  return hits.map((hit) => {
    for (let end = bytes.indexOf('\n', from); end >= 0 && end < hit.start; ) {
      [line, from] = [line + 1, end + 1];
      end = bytes.indexOf('\n', from);
    }
    return { ...hit, line };
  });
};

/** The path with one mark in place of everything from the first value in it to the last one. */
const masked = (path: Buffer, hits: readonly Hit[]): string => {
  const start = Math.min(...hits.map((hit) => hit.start));
  const end = Math.max(...hits.map((hit) => hit.start + hit.needle.bytes.length));
  return `${path.subarray(0, start)}[redacted]${path.subarray(end)}`;
};
