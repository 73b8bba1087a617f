/**
 * `dsvault import` creates or updates secrets from a `.env` file, or from a JSON object of strings.
 */
import { type ParseError, parseTree } from 'jsonc-parser';
import { findDisagreements, readFile } from '../../functions/env/agreement.ts';
import { errorsAt, type Fault } from '../../functions/env/faults.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { type ScannedLine, scanFile } from '../../functions/env/references.ts';
import { limits } from '../../functions/model/limits.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { failure, inOtherWords, isFailure, refusal, usage } from '../../system/failures.ts';
import { fileSentence } from '../../system/file-sentences.ts';
import type { FileError } from '../../system/problem-report.ts';
import { invalidFile, storeFile } from '../files/file-failures.ts';
import { noteLine, printJson } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { writingCommand } from './command-line.ts';
import { noteCreated } from './write-version.ts';

export const importCommand = () =>
  writingCommand(
    'import',
    'create a secret for each assignment of a file, all of them or none',
    "dsvault import .env --note 'from the old server'",
    'dsvault import secrets.json --update',
    'dsvault import .env --update --create',
    'other-vault export | dsvault import - --format env',
  )
    .argument('<file>', 'the file; - is stdin')
    .option('--format <name>', 'env or json; by default, the extension of the file decides')
    .option('--update', 'write the next version of each secret; all must exist')
    .option('--create', 'with --update: also create those that do not exist')
    .option('--dry-run', 'show what would happen; nothing is stored')
    .action(async (file, { format, update, create, dryRun, json, note: remark, ...flags }) => {
      if (create && !update) throw usage('--create goes with --update; import alone only creates');
      if (create && flags.idempotencyKey !== undefined) throw usage(noSameRequest);
      const session = openSession(flags);
      const content = await readText(file);
      const entries = readEntries(content, formatOf(format, file), file);
      if (entries.length === 0)
        throw failure(`${file} has no assignments`, { kind: 'invalidFile' });
      const values = Object.fromEntries(entries.map(({ name, value }) => [name, value]));
      const store = (isNext: (name: string) => boolean) => {
        // The request uses made-up keys, because names of secrets may contain characters that keys
        // may not.
        const lines = entries.map(
          ({ name }, index) => `K${index}="enc(${name}${isNext(name) ? '@next' : ''})"\n`,
        );
        const body = { content: lines.join(''), values, dryRun, note: remark };
        return storeFile(session, 'encrypt-env', body);
      };
      if (formatOf(format, file) === 'env') warnOfReaders(content, file);
      const reply = await byName(file, async () => {
        if (!create) return await store(() => update === true);
        try {
          return await store(() => false);
        } catch (error) {
          // The refusal names all that exist, because a request has fewer names than a report has
          // errors. Nothing was stored.
          if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
          const existing = new Set(error.report.errors?.map(({ name }) => name));
          return await store((name) => existing.has(name));
        } finally {
          session.forgetKey();
        }
      });
      if (json) return await printJson({ created: reply.created });
      noteCreated(reply.created, dryRun);
    });

/** Which secrets exist decides what is sent, so a repetition may send something else. */
const noSameRequest =
  '--create takes no --idempotency-key: dsvault history NAME shows whether the earlier attempt took effect';

/**
 * The readers of the files that people import. `docker` does not interpret quotes, so it would
 * disagree with most lines.
 */
const readers = ['shell', 'compose', 'node', 'dotenv', 'python', 'ruby', 'php'] as const;

/**
 * Warns about lines that a program which has read the file so far may have read differently from
 * the vault: what is stored is the value as the vault reads it.
 */
const warnOfReaders = (content: string, file: string): void => {
  const source = readFile(content);
  const byLine = new Map<number, string[]>();
  for (const reader of readers) {
    for (const { line } of findDisagreements(source, reader, source.plain)) {
      byLine.set(line, [...(byLine.get(line) ?? []), reader]);
    }
  }
  for (const [line, names] of [...byLine].sort(([one], [other]) => one - other)) {
    const dialect = names.join(', ');
    const sentence = fileSentence({ code: 'reader_disagrees', dialect });
    noteLine(`${file}:${line}: warning: ${sentence} [reader_disagrees]`);
  }
};

const formatOf = (format: string | undefined, file: string): 'env' | 'json' => {
  const named = format ?? (file.endsWith('.json') ? 'json' : 'env');
  if (named === 'env' || named === 'json') return named;
  throw usage('--format is env or json');
};

/**
 * Runs `action`. Its errors are reported by the names of secrets, without lines, because the lines
 * of the request are not those of the file.
 */
const byName = async <Result>(file: string, action: () => Promise<Result>): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    if (!isFailure(error) || error.report.errors === undefined) throw error;
    const { errors, errorsTotal: _, ...rest } = error.report;
    for (const each of errors) noteLine(`${file}: ${fileSentence(each)}`);
    const failed = refusal({ ...rest, names: errors.map(({ name }) => name) });
    const sentence = instead[rest.code];
    throw sentence === undefined ? failed : inOtherWords(failed, sentence);
  }
};

/** What to do about names that exist already, or do not exist. */
const instead: Readonly<Record<string, string>> = {
  secret_exists:
    'these secrets exist: --update writes the next version of each, and --update --create also creates the others; nothing was stored',
  not_found:
    '--update needs secrets that exist: --update --create also creates missing ones; nothing was stored',
};

type Entry = { readonly name: string; readonly value: string };

/**
 * Throws all errors of the file. A reference in a value is an error. So is an escaped reference,
 * because it is ambiguous: files for `encrypt` mean it without the backslash, and files from
 * `export` with it.
 */
const readEntries = (content: string, format: 'env' | 'json', file: string): Entry[] => {
  const { entries, errors } = format === 'json' ? readJson(content) : readEnv(content);
  if (errors.length > 0) throw invalidFile(report(errors), file);
  return entries;
};

/** The first errors, ordered by position, and the total number. */
const report = (errors: readonly FileError[]) => {
  const sorted = [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
  return { errors: sorted.slice(0, limits.fileErrorsMax), errorsTotal: sorted.length };
};

type FileEntries = { readonly entries: Entry[]; readonly errors: readonly FileError[] };

const readEnv = (content: string): FileEntries => {
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

/** The first reference in each line that has one; with `escaped`, the first escaped reference. */
const firstOfEach = (lines: readonly ScannedLine[], escaped: boolean): Fault[] =>
  lines.flatMap(({ candidates }) => {
    const offset = candidates.find(({ kind }) => (kind === 'text') === escaped)?.offset;
    return offset === undefined ? [] : [{ offset, code: 'nested_reference' as const }];
  });

const readJson = (content: string): FileEntries => {
  const problems: ParseError[] = [];
  const tree = parseTree(content, problems, { disallowComments: true });
  const at = (offset: number, code: string): FileError => {
    const [position] = errorsAt(content, [{ offset, code: 'bad_key' }]);
    return { line: 1, column: 1, ...position, code };
  };
  const errors = problems.slice(0, 1).map(({ offset }) => at(offset, 'bad_json'));
  if (errors.length > 0 || tree?.type !== 'object') {
    return { entries: [], errors: errors.length > 0 ? errors : [at(0, 'bad_json')] };
  }
  const entries = new Map<string, string>();
  for (const { children: [key, value] = [] } of tree.children ?? []) {
    if (!key || !value) continue;
    if (!isSecretName(key.value)) errors.push(at(key.offset, 'bad_name'));
    else if (entries.has(key.value)) errors.push(at(key.offset, 'duplicate_key'));
    else if (value.type !== 'string') errors.push(at(value.offset, 'not_text'));
    else entries.set(key.value, value.value);
  }
  return { entries: [...entries].map(([name, value]) => ({ name, value })), errors };
};
