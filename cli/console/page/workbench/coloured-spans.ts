/**
 * Splits a `.env` file into spans, as the vault's grammar reads it, so that the editor can colour
 * them.
 */
import { byteOrderMark } from '../../../../functions/env/faults.ts';
import {
  type Assignment,
  type Line,
  type ParsedFile,
  rawOffset,
} from '../../../../functions/env/grammar.ts';
import { type Candidate, findCandidates, writtenAs } from '../../../../functions/env/references.ts';

export type Span = {
  readonly kind: 'plain' | 'key' | 'value' | 'comment' | 'unreadable' | Candidate['kind'];
  /** Offsets in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
  /** The reference as it is written, such as `secret(NAME@3)`. */
  readonly reference?: string;
  readonly isMarked?: true;
};

export type Mark = { readonly start: number; readonly end: number };

/** Returns the spans between two offsets. Joined, they are exactly that part of the text. */
export const spansBetween = (file: ParsedFile, from: number, to: number): Span[] => {
  const spans: Span[] = [];
  const add = (kind: Span['kind'], start: number, end: number, reference?: string): void => {
    const part = { kind, start: Math.max(start, from), end: Math.min(end, to) };
    if (part.start < part.end) spans.push(reference === undefined ? part : { ...part, reference });
  };
  let at = file.bom ? byteOrderMark.length : 0;
  add('plain', 0, at);
  for (const line of file.lines) {
    if (at >= to) break;
    const end = endOf(line, at);
    if (end > from) addLine(line, at, end, add);
    at = end;
  }
  return spans;
};

type Add = (kind: Span['kind'], start: number, end: number, reference?: string) => void;

const endOf = (line: Line, start: number): number =>
  line.kind === 'assignment'
    ? commentOf(line) + line.comment.length + line.eol.length
    : start + line.text.length + line.eol.length;

/** The offset of a line's comment, even if it is empty. */
const commentOf = ({ value, afterValue }: Assignment): number =>
  value.offset + value.raw.length + value.quote.length + afterValue.length;

const addLine = (line: Line, start: number, end: number, add: Add): void => {
  if (line.kind !== 'assignment') {
    add(line.kind === 'blank' ? 'plain' : line.kind, start, end);
    return;
  }
  const { indent, exported, key, value, comment } = line;
  const keyStart = start + indent.length + exported.length;
  add('plain', start, keyStart);
  add('key', keyStart, keyStart + key.length);
  add('plain', keyStart + key.length, value.offset);
  let at = value.offset;
  for (const candidate of findCandidates(value.decoded)) {
    const { kind, start, end } = candidate;
    const [first, last] = [rawOffset(value, start), rawOffset(value, end)];
    add('value', at, first);
    const isReference = kind === 'secret' || kind === 'enc';
    add(kind, first, last, isReference ? `${kind}(${writtenAs(candidate)})` : undefined);
    at = last;
  }
  add('value', at, value.offset + value.raw.length);
  add('plain', value.offset + value.raw.length, commentOf(line));
  add('comment', commentOf(line), commentOf(line) + comment.length);
  add('plain', commentOf(line) + comment.length, end);
};

/** Splits the spans wherever a mark starts or ends. */
export const markSpans = (spans: readonly Span[], marks: readonly Mark[]): Span[] => {
  const cuts = marks.flatMap(({ start, end }) => [start, end]);
  return spans.flatMap((span) => {
    const inside = cuts.filter((cut) => cut > span.start && cut < span.end);
    const starts = [...new Set([span.start, ...inside])].sort((a, b) => a - b);
    return starts.map((start, index): Span => {
      const isMarked = marks.some((mark) => mark.start <= start && start < mark.end);
      const end = starts[index + 1] ?? span.end;
      return { ...span, start, end, ...(isMarked && { isMarked }) };
    });
  });
};
