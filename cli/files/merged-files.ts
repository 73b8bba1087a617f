/**
 * Merges `.env` files into one text for a request: the last file that has a key wins. Only the
 * winning lines are sent. All lines keep their order, so that an error can be traced to its file.
 */
import { reportOf } from '../../functions/env/faults.ts';
import { type Assignment, parseFile, printFile, printLine } from '../../functions/env/grammar.ts';
import { isFailure, usage } from '../../system/failures.ts';
import { invalidFile, ofFile } from './file-failures.ts';

/** A file by the name that the user gave for it, with its content. */
export type NamedText = { readonly file: string; readonly text: string };

export type MergedFiles = {
  readonly content: string;
  /** The files, each with the number of the last line of `content` that is before its own lines. */
  readonly parts: readonly { readonly file: string; readonly linesBefore: number }[];
};

/**
 * Merges the files, without the assignments to other keys than those of `--only`, if that is given.
 * If there are several files, throws the syntax errors of the first one that has any, because such
 * an error could swallow lines of the next file. The vault reports the syntax errors of a single
 * file.
 */
export const mergeFiles = (texts: readonly NamedText[], onlyKeys?: string): MergedFiles => {
  const only = onlyKeys?.split(',');
  const files = texts.map(({ file, text }) => ({ file, ...parseFile(text) }));
  const winners = new Map<string, Assignment>();
  for (const { file, lines, errors } of files) {
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
  const isSent = (line: Assignment): boolean =>
    !isOverridden(line) && (only === undefined || only.includes(line.key));
  let content = '';
  const parts: { file: string; linesBefore: number }[] = [];
  for (const { file, lines, bom, errors } of files) {
    if (content !== '' && !content.endsWith('\n')) content += '\n';
    parts.push({ file, linesBefore: content.split('\n').length - 1 });
    const sent = lines.map((line) =>
      line.kind !== 'assignment' || isSent(line) ? line : emptied(line),
    );
    // Within the text, a byte order mark would be part of a key.
    content += printFile({ bom: bom && content === '', lines: sent, errors });
  }
  return { content, parts };
};

/**
 * Returns a blank line in place of an assignment that is not sent. Its text has only the line ends
 * of the assignment, so that the lines below keep their numbers.
 */
const emptied = (line: Assignment) => {
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
