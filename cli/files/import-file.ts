/** Reads names and values from a file: `.env`, or one JSON object of strings. */
import { type ParseError, parseTree } from 'jsonc-parser';
import { errorsAt, type Fault } from '../../functions/env/faults.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { type ScannedLine, scanFile } from '../../functions/env/references.ts';
import { limits } from '../../functions/model/limits.ts';
import { isSecretName } from '../../functions/model/types.ts';
import type { FileError } from '../../system/problem-report.ts';
import { invalidFile } from './file-failures.ts';

export type Entry = { readonly name: string; readonly value: string };

/**
 * Throws all errors of the file. A reference in a value is an error. An escaped reference is an error too, because it is
 * ambiguous: files for `encrypt` mean it without the backslash, and files of `export` mean it with the backslash.
 */
export const readEntries = (content: string, format: 'env' | 'json', file: string): Entry[] => {
  const { entries, errors } = format === 'json' ? readJson(content) : readEnv(content);
  if (errors.length > 0) throw invalidFile(report(errors), file);
  return entries;
};

/** The first errors in the order of their positions, and the total number. */
const report = (errors: readonly FileError[]) => {
  const sorted = [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
  return { errors: sorted.slice(0, limits.fileErrorsMax), errorsTotal: sorted.length };
};

type Read = { readonly entries: Entry[]; readonly errors: readonly FileError[] };

const readEnv = (content: string): Read => {
  const parsed = parseFile(content);
  const { lines } = scanFile(parsed);
  const references = errorsAt(content, firstOfEach(lines, false));
  const escaped = errorsAt(content, firstOfEach(lines, true)).map((error) => ({
    ...error,
    code: 'escaped_reference',
  }));
  const entries = lines.map(({ line }) => ({ name: line.key, value: line.value.decoded }));
  return { entries, errors: [...parsed.errors, ...references, ...escaped] };
};

/** The first reference of each line that has one; with `escaped`, the first escaped reference. */
const firstOfEach = (lines: readonly ScannedLine[], escaped: boolean): Fault[] =>
  lines.flatMap(({ candidates, offsets }) => {
    const offset = offsets[candidates.findIndex(({ kind }) => (kind === 'text') === escaped)];
    return offset === undefined ? [] : [{ offset, code: 'nested_reference' as const }];
  });

const readJson = (content: string): Read => {
  const problems: ParseError[] = [];
  const tree = parseTree(content, problems, { disallowComments: true });
  const at = (offset: number, code: string): FileError => {
    const [place] = errorsAt(content, [{ offset, code: 'bad_key' }]);
    return { line: 1, column: 1, ...place, code };
  };
  const errors = problems.slice(0, 1).map(({ offset }) => at(offset, 'bad_json'));
  if (errors.length > 0 || tree?.type !== 'object') {
    return { entries: [], errors: errors.length > 0 ? errors : [at(0, 'bad_json')] };
  }
  const entries = new Map<string, string>();
  for (const { children: [key, member] = [] } of tree.children ?? []) {
    if (!key || !member) continue;
    if (!isSecretName(key.value)) errors.push(at(key.offset, 'bad_name'));
    else if (entries.has(key.value)) errors.push(at(key.offset, 'duplicate_key'));
    else if (member.type !== 'string') errors.push(at(member.offset, 'not_text'));
    else entries.set(key.value, member.value);
  }
  return { entries: [...entries].map(([name, value]) => ({ name, value })), errors };
};
