/**
 * Merges `.env` files into one text for a request: the last file that has a key wins. Only the
 * winning lines are sent. All lines keep their order, so that an error can be traced to its file.
 */
import { findInterpolations } from '../../functions/env/agreement.ts';
import type { Dialect } from '../../functions/env/dialects/dialect.ts';
import { reportOf } from '../../functions/env/faults.ts';
import {
  type Assignment,
  type Line,
  parseFile,
  printFile,
  printLine,
} from '../../functions/env/grammar.ts';
import { hasReference } from '../../functions/env/references.ts';
import { limits } from '../../functions/model/limits.ts';
import { isFailure, refusal, usage } from '../../system/failures.ts';
import { invalidFile, ofFile } from './file-failures.ts';

/** A file by the name that the user gave for it, with its content. */
export type NamedText = { readonly file: string; readonly text: string };

export type MergedFiles = {
  readonly content: string;
  /** The files, each with the number of the last line of `content` that is before its own lines. */
  readonly parts: readonly { readonly file: string; readonly linesBefore: number }[];
};

export type Merging = {
  /** The keys of `--only`. Assignments to others are not sent. */
  readonly only?: string | undefined;
  /** Send no assignment without a reference. */
  readonly referencesOnly?: true | undefined;
  /**
   * The dialect whose reader would interpolate the values. If it is set, a value that the reader
   * interpolates is refused, because the program would get it as literal text.
   */
  readonly interpolatedBy?: Dialect | undefined;
};

/**
 * Merges the files, without the assignments that `merging` leaves out. If there are several files,
 * throws the syntax errors of the first one that has any, because such an error could swallow lines
 * of the next file. The vault reports the syntax errors of a single file.
 */
export const mergeFiles = (texts: readonly NamedText[], merging: Merging = {}): MergedFiles => {
  const only = merging.only?.split(',');
  const files = texts.map(({ file, text }) => ({ file, text, parsed: parseFile(text) }));
  const winners = new Map<string, Assignment>();
  for (const { file, parsed } of files) {
    const { lines, errors } = parsed;
    if (errors.length > 0 && files.length > 1) throw invalidFile(reportOf(errors), file);
    for (const line of lines) if (line.kind === 'assignment') winners.set(line.key, line);
  }
  // A key that no file has may be a value that was typed in the wrong place, so the message gives
  // only its position in the list.
  const missing = (only ?? []).flatMap((key, index) => (winners.has(key) ? [] : [`${index + 1}`]));
  if (missing.length > 0) {
    const which = `key that is number ${missing.join(', ')} of the list`;
    const who = files.length > 1 ? 'none of the files has the' : `${files[0]?.file} has no`;
    throw usage(`--only: ${who} ${which}: add it, or leave it out`);
  }
  const isOverridden = (line: Assignment): boolean =>
    files.length > 1 && winners.get(line.key) !== line;
  const isSent = (line: Line): boolean =>
    line.kind !== 'assignment' ||
    (!isOverridden(line) &&
      (only === undefined || only.includes(line.key)) &&
      (!merging.referencesOnly || hasReference(line)));
  if (merging.interpolatedBy) requireLiteral(files, isSent, merging.interpolatedBy);
  let content = '';
  const parts: { file: string; linesBefore: number }[] = [];
  for (const { file, parsed } of files) {
    if (content !== '' && !content.endsWith('\n')) content += '\n';
    parts.push({ file, linesBefore: content.split('\n').length - 1 });
    const lines = parsed.lines.map((line) => (isSent(line) ? line : emptied(line)));
    // Within the text, a byte order mark would be part of a key.
    content += printFile({ ...parsed, bom: parsed.bom && content === '', lines });
  }
  return { content, parts };
};

type ParsedText = NamedText & { readonly parsed: ReturnType<typeof parseFile> };

/** Throws if the reader of `dialect` would interpolate a value that is sent. */
const requireLiteral = (
  files: readonly ParsedText[],
  isSent: (line: Line) => boolean,
  dialect: Dialect,
): void => {
  const found = files.flatMap(({ file, text, parsed }) => {
    const source = { content: text, file: parsed };
    const among = parsed.lines.filter(isSent);
    return findInterpolations(source, dialect, among).map((one) => ({ ...one, file }));
  });
  if (found.length === 0) return;
  const leaving = found.some(({ code }) => code === 'interpolated')
    ? '--references-only passes only lines with references, and the program reads the others; '
    : '';
  const detail = `these values would reach the program as text: ${leaving}--literal passes the text as it stands; --dialect names the program that reads the file (${dialect})`;
  const errors = found.slice(0, limits.fileErrorsMax);
  throw refusal({ code: 'invalid_env', detail, errors, errorsTotal: found.length });
};

/**
 * Returns a blank line in place of an assignment that is not sent. Its text has only the line ends
 * of the assignment, so that the lines below keep their numbers.
 */
const emptied = (line: Line) => {
  const text = printLine(line).replaceAll(/[^\n]+/g, '');
  return { kind: 'blank', line: line.line, text, eol: '' } as const;
};

/** The file that a line of the merged text comes from, and its number there. */
export const placeIn = ({ parts }: MergedFiles, line: number): { file: string; line: number } => {
  const part = parts.findLast(({ linesBefore }) => linesBefore < line);
  return { file: part?.file ?? '', line: line - (part?.linesBefore ?? 0) };
};

type Placed = { readonly line: number; readonly causeLine?: number | undefined };

/**
 * The error at its place in the file that it comes from. With a single file the error stays as it
 * is.
 */
const placed = <Entry extends Placed>(merged: MergedFiles, entry: Entry) => {
  if (merged.parts.length < 2) return entry;
  const place = placeIn(merged, entry.line);
  if (entry.causeLine === undefined) return { ...entry, ...place };
  const cause = placeIn(merged, entry.causeLine);
  return { ...entry, ...place, causeLine: cause.line, causeFile: cause.file };
};

/** Runs `action`, and adds to each error of its failure the file that it comes from. */
export const ofMerged = <Result>(
  merged: MergedFiles,
  action: () => Promise<Result>,
): Promise<Result> =>
  ofFile(merged.parts[0]?.file ?? '', async () => {
    try {
      return await action();
    } catch (error) {
      if (!isFailure(error) || error.report.errors === undefined) throw error;
      const errors = error.report.errors.map((entry) => placed(merged, entry));
      throw Object.assign(error, { report: { ...error.report, errors } });
    }
  });
