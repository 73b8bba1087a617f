/**
 * Reads a `.env` file for a program: its variables, and the texts to mask in the program's output.
 */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { type Assignment, parseFile, printFile, printLine } from '../../functions/env/grammar.ts';
import { environmentFor } from '../../system/environment.ts';
import { failure, usage } from '../../system/failures.ts';
import { ownVariables } from '../../system/own-variables.ts';
import { askedDialect, type ExpandedFile, expandFile, expandUnless } from '../files/expand-file.ts';
import { ofFile } from '../files/file-failures.ts';
import { note } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import type { Session } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { textsToHide } from './redaction.ts';

/** Adds the options of commands that run a program with the variables of a file. */
export const withProgramFile = <Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) =>
  command
    .option('-f, --env-file <file>', 'the file; - is stdin', '.env')
    .option('--only <keys>', 'only these keys of the file, separated by commas')
    .option('--pristine', 'do not pass on the environment of dsvault itself')
    .option('--keep-token', 'pass on DSVAULT_TOKEN, DSVAULT_TOKEN_FILE and _COMMAND, too');

export type ProgramFile = ReturnType<
  ReturnType<typeof withProgramFile<[], Record<never, never>>>['opts']
> & { readonly redact?: true | undefined };

/**
 * Reads the file, and empties the lines that `only` excludes, so that their secrets are not read.
 */
export const readContent = async ({ envFile, only }: ProgramFile): Promise<string> => {
  const typed = await readText(envFile, undefined, '-f names another, and - is stdin');
  return only === undefined ? typed : withOnly(typed, only.split(','), envFile);
};

/**
 * The file without the assignments of other keys. Lines keep their numbers, and the vault reports
 * unreadable ones.
 */
const withOnly = (content: string, keys: readonly string[], file: string): string => {
  const parsed = parseFile(content);
  const assignments = parsed.lines.filter((line) => line.kind === 'assignment');
  // A key that is not in the file may be a value that was typed in the wrong place.
  const which = keys.flatMap((key, index) =>
    assignments.some((line) => line.key === key) ? [] : [`${index + 1}`],
  );
  if (which.length > 0) {
    throw usage(
      `--only: ${file} has no key that is number ${which.join(', ')} of the list: add it, or leave it out`,
    );
  }
  const lines = parsed.lines.map((line) =>
    line.kind !== 'assignment' || keys.includes(line.key) ? line : emptied(line),
  );
  return printFile({ ...parsed, lines });
};

const emptied = (line: Assignment) => {
  const text = printLine(line).replaceAll(/[^\n]+/g, '');
  return { kind: 'blank', line: line.line, text, eol: '' } as const;
};

/** How to expand a file for a program. */
export type Expansion = {
  readonly content: string;
  readonly at?: string | undefined;
  /**
   * The dialect of a file that the program reads by itself. If absent, the program gets environment
   * variables.
   */
  readonly dialect?: string | undefined;
};

/** An expanded file. */
export type Reading = {
  /** The file in its dialect, or the variables as JSON for the environment. */
  readonly expanded: string;
  readonly env: NodeJS.ProcessEnv;
  /** The texts to mask; `undefined` if the output is not filtered. */
  readonly hide: readonly string[] | undefined;
  readonly resolved: ResolvedVersions;
  readonly tag: string;
};
type ResolvedVersions = ExpandedFile['resolved'];

/** Expands the file. Throws its errors, with the name of the file. */
export const getReading = async (
  session: Session,
  file: ProgramFile,
  expansion: Expansion,
): Promise<Reading> => {
  const body = bodyOf(expansion);
  const reply = await ofFile(file.envFile, () => expandFile(session, body));
  return await readingOf(session, file, expansion, reply);
};

/**
 * Expands the file, unless the answer would be the same as the earlier one. The master key is then
 * not used.
 */
export const findNewReading = async (
  session: Session,
  file: ProgramFile,
  expansion: Expansion,
  { tag }: Reading,
  signal: AbortSignal,
): Promise<Reading | undefined> => {
  const body = { ...bodyOf(expansion), unless: tag };
  const reply = await ofFile(file.envFile, () => expandUnless(session, body, signal));
  return reply && (await readingOf(session, file, expansion, reply, signal));
};

const bodyOf = ({ content, at, dialect = 'json' }: Expansion) => ({
  content,
  dialect: askedDialect(dialect),
  ...(at !== undefined && { at }),
});

const readingOf = async (
  session: Session,
  { envFile, redact, ...passedOn }: ProgramFile,
  { content: asked, dialect }: Expansion,
  { content, resolved, tag, warnings }: ExpandedFile,
  signal?: AbortSignal,
): Promise<Reading> => {
  noteWarnings(warnings, envFile);
  const variables = dialect === undefined ? variablesOf(asked, content, envFile) : {};
  const env = { ...environmentFor(passedOn), ...variables };
  const hide = redact ? await readHidden(session, resolved, signal) : undefined;
  return { expanded: content, env, hide, resolved, tag };
};

const variablesOf = (content: string, answer: string, file: string) => {
  const variables = ownVariables(content, answer);
  for (const [key, value] of variables) {
    // A NUL is refused here, because the system's error would quote the value.
    if (value.includes('\0')) {
      throw failure(`${file}: the value of ${key} contains a NUL, which no variable can`, {
        kind: 'invalidFile',
      });
    }
  }
  return Object.fromEntries(variables);
};

/**
 * The texts to mask. A line may combine secrets with other text, so a second request reads each
 * value by itself.
 */
const readHidden = async (session: Session, resolved: ResolvedVersions, signal?: AbortSignal) => {
  if (resolved.length === 0) return [];
  const lines = resolved.map(({ name, version }, at) => `K${at}="secret(${name}@${version})"\n`);
  const body = { content: lines.join(''), dialect: 'json' } as const;
  const { content } = await expandFile(session, body, signal);
  const values: Readonly<Record<string, string>> = JSON.parse(content);
  return resolved.flatMap(({ name }, at) => {
    const texts = textsToHide([values[`K${at}`] ?? '']);
    if (texts.length === 0) note(`${name} is too short to be redacted`);
    return texts;
  });
};
