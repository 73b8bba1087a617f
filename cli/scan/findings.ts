/** What a search has found in a content and in its path, as a report may show it. */
import type { Content, Place } from './contents.ts';
import type { Hit, KnownValue, ValueSearch } from './value-search.ts';

export type Finding = Place &
  Omit<KnownValue, 'value'> & {
    /** `null`: the value is in the path, which has a mark in its place. */
    readonly line: number | null;
    readonly form: Hit['needle']['form'];
  };

/**
 * Searches a content and its path. In the place that is returned, the path shows no value, and none
 * of the texts `hidden`.
 */
export const findIn = (
  search: ValueSearch,
  hidden: readonly Buffer[],
  { bytes, ...place }: Content,
): { readonly place: Place; readonly findings: readonly Finding[] } => {
  const path = Buffer.from(place.path ?? '');
  const inPath = search(path);
  const ranges = [
    ...inPath.map(({ start, needle }) => [start, start + needle.bytes.length] as const),
    ...hidden.flatMap((text) => rangesOf(path, text)),
  ];
  const shown = ranges.length === 0 ? place : { ...place, path: masked(path, ranges) };
  const lines = typeof bytes === 'string' ? [] : withLines(bytes, search(bytes));
  const hits = [...inPath.map((hit) => ({ ...hit, line: null })), ...lines];
  // A value that is several times in a line is reported once.
  const findings = new Map<string, Finding>();
  /** Where the last whole hit of each value ends, so its longest line is not reported again. */
  const ends = new Map<KnownValue, number>();
  for (const { needle, start, line } of hits) {
    const end = start + needle.bytes.length;
    for (const one of needle.of) {
      if (needle.form !== 'line') ends.set(one, Math.max(end, ends.get(one) ?? 0));
      if (needle.form === 'line' && end <= (ends.get(one) ?? 0)) continue;
      const { value: _, ...known } = one;
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

type FromTo = readonly [number, number];

/** The ranges of the path that are this text. */
const rangesOf = (path: Buffer, text: Buffer): FromTo[] => {
  const [first, last] = [path.indexOf(text), path.lastIndexOf(text)];
  return first < 0 ? [] : [[first, last + text.length]];
};

/** The path with one mark in place of everything from the first value in it to the last one. */
const masked = (path: Buffer, ranges: readonly FromTo[]): string => {
  const start = Math.min(...ranges.map(([from]) => from));
  const end = Math.max(...ranges.map(([, to]) => to));
  return `${path.subarray(0, start)}[redacted]${path.subarray(end)}`;
};
