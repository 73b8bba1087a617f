/** Writes one line of the reply: unchanged, edited, or rewritten with its resolved value. */
import { writerOf } from './dialects/dialect.ts';
import type { Fault } from './faults.ts';
import { type Assignment, parseFile, printLine } from './grammar.ts';
import { type Pin, replaceParts } from './pins.ts';
import { offsetOfValue, type Plan, type PlannedLine, unfitAt } from './plan.ts';
import { type Candidate, findCandidates, type Part, partsOf, writtenAs } from './references.ts';
import type { WrittenLine } from './warnings.ts';

/** Resolved values by the text of their references; `undefined` for a value that is not UTF-8. */
export type Values = ReadonlyMap<string, string | undefined>;

/**
 * Returns one line of the reply, or the fault that says why it cannot be written; `undefined` for a
 * line that the reply leaves out, such as a comment in JSON.
 */
export const writeLine = (
  plan: Plan,
  planned: PlannedLine,
  values: Values,
): WrittenLine | Fault | undefined => {
  const { line, treatment } = planned;
  if (line.kind === 'assignment') {
    if (treatment === 'write') return resolve(plan, planned, line, values);
    if (treatment === 'edit') return edit(planned, line);
  }
  if (writerOf(plan.dialect).frame) return undefined;
  const escaped = line.kind === 'assignment' && line.value.escapes.length > 0;
  return {
    line: line.line,
    text: printLine(line),
    ...(escaped && { decoded: line.value.decoded }),
  };
};

const edit = ({ candidates, storedAs }: PlannedLine, line: Assignment): WrittenLine => {
  if (storedAs !== undefined) {
    return { line: line.line, text: printLine(line, `secret(${storedAs})`) };
  }
  const { raw, offset, decoded } = line.value;
  const encs = candidates.filter(({ kind }) => kind === 'enc');
  const inRaw = encs.map((enc) => secretAt(enc.offset - offset, enc));
  const inDecoded = encs.map((enc) => secretAt(enc.start, enc));
  const text = printLine(line, replaceParts(raw, inRaw));
  return { line: line.line, text, decoded: replaceParts(decoded, inDecoded) };
};

const secretAt = (offset: number, { name, start, end }: Candidate): Pin => ({
  offset,
  length: end - start,
  text: `secret(${name})`,
});

const resolve = (
  plan: Plan,
  planned: PlannedLine,
  line: Assignment,
  values: Values,
): WrittenLine | Fault => {
  const { candidates } = planned;
  const unfit = candidates.find(
    (found) => found.kind === 'secret' && values.get(writtenAs(found)) === undefined,
  );
  if (unfit) return unfitAt(unfit.offset, line.key, plan.dialect, { reason: 'not_utf8' });
  const parts = partsOf(line.value.decoded, candidates, plan.final);
  const value = parts.map((part) => textOf(part, values)).join('');
  const code = plan.final ? undefined : misread(parts, value, values);
  const offset = offsetOfValue(planned);
  if (code === 'nested_reference') {
    const holdsReference = (found: Candidate) =>
      findCandidates(values.get(writtenAs(found)) ?? '').length > 0;
    return { offset: candidates.find(holdsReference)?.offset ?? offset, code, key: line.key };
  }
  const text = writerOf(plan.dialect).write(line, value);
  if (typeof text !== 'string') return unfitAt(offset, line.key, plan.dialect, text);
  if (code !== undefined || !(plan.final || isReadAgain(text, value))) {
    return unfitAt(offset, line.key, plan.dialect, { reason: 'expanded_later' });
  }
  return { line: line.line, text, decoded: value };
};

const textOf = (part: Part, values: Values): string => {
  if (typeof part === 'string') return part;
  return part.kind === 'later' ? part.text : (values.get(writtenAs(part)) ?? '');
};

/**
 * Returns the error that a later expansion of this line would report or hide; `undefined` if there
 * is none. That expansion must find exactly the references that remain, each with the same number
 * of backslashes. But a resolved value may itself contain a reference, or form one with the text
 * next to it.
 */
const misread = (
  parts: readonly Part[],
  value: string,
  values: Values,
): 'nested_reference' | 'not_representable' | undefined => {
  const left = new Map<number, number>();
  let at = 0;
  for (const part of parts) {
    if (typeof part !== 'string' && part.kind === 'later') left.set(at, part.backslashes);
    at += textOf(part, values).length;
  }
  let kept = 0;
  for (const { start, backslashes } of findCandidates(value)) {
    const expected = left.get(start);
    if (expected === undefined) return 'nested_reference';
    if (expected === backslashes) kept++;
  }
  return kept === left.size ? undefined : 'not_representable';
};

/**
 * Whether the vault would read exactly `value` from `text`, a line that was written for some
 * dialect.
 */
const isReadAgain = (text: string, value: string): boolean => {
  const { lines, errors } = parseFile(text);
  const read = lines.flatMap((line) => (line.kind === 'assignment' ? [line.value.decoded] : []));
  return errors.length === 0 && read.length === 1 && read[0] === value;
};
