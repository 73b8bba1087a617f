/**
 * `dsvault import` creates or updates secrets from a `.env` file, or from a JSON object of strings.
 */
import { type ParseError, parseTree } from 'jsonc-parser';
import { findDisagreements, readFile } from '../../functions/env/agreement.ts';
import { errorsAt, reportOf } from '../../functions/env/faults.ts';
import { type ScannedLine, scanFile } from '../../functions/env/references.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { failure, usage, withSentence } from '../../system/failures.ts';
import { fileSentence } from '../../system/file-sentences.ts';
import type { FileError } from '../../system/problem-report.ts';
import { invalidFile } from '../files/file-failures.ts';
import { type NamedValue, reportOfExisting, storeValues } from '../files/stored-values.ts';
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
      if (formatOf(format, file) === 'env') warnOfReaders(content, file);
      const store = (isNext: (name: string) => boolean) =>
        storeValues(session, entries, { note: remark, dryRun }, isNext, file);
      const storeAll = async () => {
        if (!create) return await store(() => update === true);
        try {
          return await store(() => false);
        } catch (error) {
          // The refusal names all that exist, because a request has fewer names than a report has
          // errors. Nothing was stored.
          const existing = new Set(reportOfExisting(error).errors?.map(({ name }) => name));
          return await store((name) => existing.has(name));
        } finally {
          session.forgetKey();
        }
      };
      const reply = await withSentence('secret_exists', theyExist, () =>
        withSentence('not_found', areMissing, storeAll),
      );
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

/** What to do about names that exist already, or do not exist. */
const theyExist =
  'these secrets exist: --update writes the next version of each, and --update --create also creates the others; nothing was stored';
const areMissing =
  '--update needs secrets that exist: --update --create also creates missing ones; nothing was stored';

/**
 * Throws all errors of the file. A reference in a value is an error. So is an escaped reference,
 * because it is ambiguous: files for `encrypt` mean it without the backslash, and files from
 * `export` with it.
 */
const readEntries = (content: string, format: 'env' | 'json', file: string) => {
  const { entries, errors } = format === 'json' ? readJson(content) : readEnv(content);
  if (errors.length > 0) throw invalidFile(reportOf(errors), file);
  return errorsAt(content, entries);
};

type Entry = Pick<NamedValue, 'name' | 'value'> & { readonly offset: number };
type FileEntries = {
  readonly entries: readonly Entry[];
  readonly errors: readonly FileError[];
};

const readEnv = (content: string): FileEntries => {
  const { file, offsetOf } = readFile(content);
  const { lines } = scanFile(file);
  const faults = [...firstOfEach(lines, false), ...firstOfEach(lines, true)];
  const entries = lines.map(({ line }) => ({
    ...{ name: line.key, value: line.value.decoded, offset: offsetOf(line) },
  }));
  return { entries, errors: [...file.errors, ...errorsAt(content, faults)] };
};

/** The first reference in each line that has one; with `escaped`, the first escaped reference. */
const firstOfEach = (lines: readonly ScannedLine[], escaped: boolean): Fault[] =>
  lines.flatMap(({ candidates }) => {
    const offset = candidates.find(({ kind }) => (kind === 'text') === escaped)?.offset;
    const code = escaped ? 'escaped_reference' : 'nested_reference';
    return offset === undefined ? [] : [{ offset, code }];
  });

type Fault = { readonly offset: number; readonly code: string };

const readJson = (content: string): FileEntries => {
  const problems: ParseError[] = [];
  const tree = parseTree(content, problems, { disallowComments: true });
  if (problems.length > 0 || tree?.type !== 'object') {
    const offset = problems[0]?.offset ?? 0;
    return { entries: [], errors: errorsAt(content, [{ offset, code: 'bad_json' }]) };
  }
  const faults: Fault[] = [];
  const entries = new Map<string, Entry>();
  for (const { children: [key, value] = [] } of tree.children ?? []) {
    if (!key || !value) continue;
    if (!isSecretName(key.value)) faults.push({ offset: key.offset, code: 'bad_name' });
    else if (entries.has(key.value)) faults.push({ offset: key.offset, code: 'duplicate_key' });
    else if (value.type !== 'string') faults.push({ offset: value.offset, code: 'not_text' });
    else entries.set(key.value, { name: key.value, value: value.value, offset: value.offset });
  }
  return { entries: [...entries.values()], errors: errorsAt(content, faults) };
};
