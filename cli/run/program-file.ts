/**
 * Reads `.env` files for a program: their variables, and the texts to mask in the program's output.
 */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { dialectNames, isDialect } from '../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { environmentFor } from '../../system/environment.ts';
import { failure, inOtherWords, isFailure, usage } from '../../system/failures.ts';
import { environmentDialect } from '../../system/file-sentences.ts';
import { ownVariables } from '../../system/own-variables.ts';
import { askedDialect, type ExpandedFile, expandFile, expandUnless } from '../files/expand-file.ts';
import {
  type MergedFiles,
  type Merging,
  type NamedText,
  ofMerged,
  placeIn,
} from '../files/merged-files.ts';
import { note, wantsJson } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import type { Session } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { textsToHide } from './redaction.ts';

/** Adds the options of commands that run a program with the variables of files, except for `-f`. */
export const withProgramFile = <Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) =>
  command
    .option('--only <keys>', 'only these keys of the file, separated by commas')
    .option('--references-only', 'pass only lines with references; the program reads the others')
    .option('--literal', 'pass $NAME and the like on as text')
    .option('--dialect <name>', `the program that reads the file: ${dialectNames}`, 'shell')
    .option('--pristine', 'do not pass on the environment of dsvault itself')
    .option('--keep-token', 'pass on DSVAULT_TOKEN, DSVAULT_TOKEN_FILE and _COMMAND, too');

export type ProgramFlags = ReturnType<
  ReturnType<typeof withProgramFile<[], Record<never, never>>>['opts']
> & { readonly redact?: true | undefined };

/** How to merge files whose values become environment variables. */
export const mergingFor = ({ dialect, only, referencesOnly, literal }: ProgramFlags): Merging => {
  if (!isDialect(dialect)) throw usage(`--dialect is one of ${dialectNames}`);
  return { only, referencesOnly, interpolatedBy: literal ? undefined : dialect };
};

export const readEnvFile = (file: string): Promise<string> =>
  readText(file, undefined, '-f names another, and - is stdin');

/** Reads the files, one after the other. */
export const readTexts = async (
  files: readonly string[],
  read = readEnvFile,
): Promise<readonly NamedText[]> => {
  const texts: NamedText[] = [];
  for (const file of files) texts.push({ file, text: await read(file) });
  return texts;
};

/** What to expand for a program, and how. */
export type Expansion = MergedFiles & {
  readonly at?: string | undefined;
  /**
   * The dialect of a file that the program reads by itself. If absent, the program gets environment
   * variables.
   */
  readonly dialect?: string | undefined;
};

/** What the program gets: the files with values in place of the references. */
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

/** Expands the files. Throws their errors, with the name of the file. */
export const getReading = async (
  session: Session,
  flags: ProgramFlags,
  expansion: Expansion,
): Promise<Reading> => {
  const body = bodyOf(expansion);
  const reply = await ofVariables(expansion, () => expandFile(session, body));
  return await readingOf(session, flags, expansion, reply);
};

/**
 * Expands the files. Returns `undefined` if the answer would be the same as the earlier one; the
 * vault then does not use its master key.
 */
export const findNewReading = async (
  session: Session,
  flags: ProgramFlags,
  expansion: Expansion,
  { tag }: Reading,
  signal: AbortSignal,
): Promise<Reading | undefined> => {
  const body = { ...bodyOf(expansion), unless: tag };
  const reply = await ofVariables(expansion, () => expandUnless(session, body, signal));
  return reply && (await readingOf(session, flags, expansion, reply, signal));
};

/**
 * Runs `action`, and adds to each error in its failure the file that it is in. Variables are
 * requested as JSON, so an error would name the dialect `json`, which the user never chose.
 */
const ofVariables = async <Result>(
  expansion: Expansion,
  action: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await ofMerged(expansion, action);
  } catch (error) {
    const errors = isFailure(error) ? (error.report.errors ?? []) : [];
    const isBinary = errors.some(({ code }) => code === 'not_representable');
    const isTold = isBinary && expansion.dialect === undefined && !wantsJson();
    if (!isFailure(error) || !isTold) throw error;
    const told = errors.map((one) => ({ ...one, dialect: one.dialect && environmentDialect }));
    const failed = Object.assign(error, { report: { ...error.report, errors: told } });
    throw inOtherWords(failed, 'some values cannot be environment variables');
  }
};

const bodyOf = ({ content, at, dialect = 'json' }: Expansion) => ({
  content,
  dialect: askedDialect(dialect),
  ...(at !== undefined && { at }),
});

const readingOf = async (
  session: Session,
  { redact, ...passedOn }: ProgramFlags,
  expansion: Expansion,
  { content, resolved, tag, warnings }: ExpandedFile,
  signal?: AbortSignal,
): Promise<Reading> => {
  for (const { line: lineOfAll, code } of warnings) {
    const { file, line } = placeIn(expansion, lineOfAll);
    noteWarnings([{ line, code }], file);
  }
  const variables = expansion.dialect === undefined ? variablesOf(expansion, content) : {};
  const isTold = resolved.length > 0 && expansion.dialect === undefined && !passedOn.pristine;
  const versions = isTold ? { DSVAULT_VERSIONS: writtenVersions(resolved) } : {};
  const env = { ...environmentFor(passedOn), ...versions, ...variables };
  const hide = redact ? await readHidden(session, resolved, signal) : undefined;
  return { expanded: content, env, hide, resolved, tag };
};

/** The versions in one text: `A@3,B@1`. No name contains a comma. */
const writtenVersions = (versions: ResolvedVersions): string =>
  versions.map(({ name, version }) => `${name}@${version}`).join(',');

const variablesOf = (merged: MergedFiles, answer: string) => {
  const variables = ownVariables(merged.content, answer);
  for (const [key, value] of variables) {
    // A NUL is refused here, because the system's error would quote the value.
    if (value.includes('\0')) {
      const lines = parseFile(merged.content).lines;
      const line = lines.find((one) => one.kind === 'assignment' && one.key === key)?.line ?? 1;
      const { file } = placeIn(merged, line);
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
