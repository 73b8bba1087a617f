import {
  type Adoption,
  assignedKeys,
  findHeldValues,
  planAdoption,
  proposeKeys,
} from '../../functions/env/adoption.ts';
import {
  isTextDialect,
  type TextDialect,
  textDialectNames,
} from '../../functions/env/dialects/dialect.ts';
import { reportOf } from '../../functions/env/faults.ts';
import { ApiError } from '../../functions/model/errors.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { failure, usage } from '../../system/failures.ts';
import { nextStep, notePlain, requireAllFit } from '../files/adoption-report.ts';
import { invalidFile } from '../files/file-failures.ts';
import { findOldCopies } from '../files/old-copies.ts';
import { adoptValues } from '../files/stored-values.ts';
import { askYes } from '../output/ask-yes.ts';
import { note, printJson, printText } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import { replaceUnchanged, requireReplaceable, requireUnchanged } from '../output/private-files.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { writingCommand } from './command-line.ts';

export const adoptCommand = () =>
  writingCommand(
    'adopt',
    'store plain values of a file, and put secret() in their place',
    'dsvault env adopt .env --secrets',
    'dsvault env adopt .env --secrets --except CACHE_TOKEN --dry-run',
    'dsvault env adopt .env --keys DB_PASSWORD,API_KEY --prefix app. --dialect node',
  )
    .argument('<file>', 'the file, which is replaced completely or not at all')
    .option('--keys <names>', 'the keys whose values are stored, separated by commas')
    .option(
      '--secrets',
      'the keys whose names or values look like those of secrets, after a question',
    )
    .option('--except <names>', 'the keys that --secrets leaves in plain text, separated by commas')
    .option('--yes', 'store what --secrets finds without a question')
    .option('--prefix <text>', 'the beginning of the name of each secret')
    .option('--dialect <name>', `the program that reads the file: ${textDialectNames}`, 'shell')
    .option('--dry-run', 'print the new file; nothing is stored or replaced')
    .action(async (file, { keys, secrets, except, yes, dialect, dryRun, json, ...flags }) => {
      if ((keys === undefined) === (secrets === undefined)) throw usage('give --keys or --secrets');
      if (except !== undefined && keys !== undefined) throw usage('--except goes with --secrets');
      const reader = textDialect(dialect);
      const session = openSession(flags);
      const target = requireReplaceable(file);
      const content = await readText(file);
      const { prefix = '' } = flags;
      const adoption = plan(file, content, { keys, except, prefix, dialect: reader });
      const isNothing = adoption.secrets.length === 0;
      const isAsked = secrets && !isNothing && !yes && !dryRun && !session.settings.curl;
      if (isAsked) await requireYes(file, content, adoption);
      // The question may have been open for a long time, so the file may have changed meanwhile.
      requireUnchanged(target, content, () => 'nothing was stored, so run the command again');
      const found = isNothing
        ? []
        : await adoptValues(session, adoption.secrets, { ...flags, dryRun }, file);
      // Reported before the file is replaced, because that may fail, and the secrets are stored
      // anyway.
      if (!json) tellStored(file, adoption, found, dryRun);
      const copies = isNothing ? [] : findOldCopies(target.file);
      if (!dryRun && !isNothing) {
        replaceUnchanged(target, adoption.content, content, () => afterChange(session, adoption));
      }
      const held = findHeldValues(adoption);
      if (json) await printJson(documentOf(file, adoption, found, held, dryRun));
      else {
        if (dryRun) await printText(adoption.content);
        noteWarnings(held, file);
        for (const sentence of copies) note(sentence);
        notePlain(file, content, adoption);
        if (!dryRun && !isNothing) note(nextStep(file, adoption.content, reader));
      }
      session.forgetKey();
      requireAllFit(adoption);
    });

const textDialect = (dialect: string): TextDialect => {
  if (isTextDialect(dialect)) return dialect;
  throw usage(`--dialect is one of ${textDialectNames}`);
};

type Asked = {
  readonly keys: string | undefined;
  readonly except: string | undefined;
  readonly prefix: string;
  readonly dialect: TextDialect;
};

/**
 * Plans which values of the file become secrets. Throws the errors of the file, and of keys and
 * names that are impossible.
 */
const plan = (file: string, content: string, asked: Asked): Adoption => {
  const given = (asked.keys ?? asked.except)?.split(',') ?? [];
  const keys =
    asked.keys === undefined ? proposeKeys(content).filter((key) => !given.includes(key)) : given;
  const nameOf = (key: string) => `${asked.prefix}${key}`;
  if (keys.some((key) => isSecretName(key) && !isSecretName(nameOf(key)))) {
    throw usage(
      '--prefix would produce invalid names: a name starts with a letter or _, then letters, digits, _ . or -',
    );
  }
  const choice = { keys: [...new Set(keys)], nameOf, dialect: asked.dialect };
  const adoption = planOrFail(content, choice);
  if (adoption.errors.length > 0) throw invalidFile(reportOf(adoption.errors), file);
  const known = assignedKeys(content);
  // A key that is not in the file may be a value that was typed in the wrong place, so the message
  // gives only its position in the list.
  const which = given.flatMap((key, index) => (known.has(key) ? [] : [`${index + 1}`]));
  if (which.length === 0) return adoption;
  const option = asked.keys === undefined ? '--except' : '--keys';
  throw usage(`${option}: the file has no key that is number ${which.join(', ')} of the list`);
};

const planOrFail = (content: string, choice: Parameters<typeof planAdoption>[1]): Adoption => {
  try {
    return planAdoption(content, choice);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw failure(error.message, { kind: 'invalidFile' });
  }
};

const requireYes = async (file: string, content: string, adoption: Adoption): Promise<void> => {
  const list = adoption.secrets
    .map(({ key, name }) => (key === name ? key : `${key} as ${name}`))
    .join(', ');
  if (!process.stdin.isTTY) {
    throw usage('--secrets asks at a terminal; where there is none it needs --yes');
  }
  notePlain(file, content, adoption);
  if (await askYes(`These values will be stored: ${list}. Type yes to go on: `)) return;
  throw failure('nothing was stored');
};

/**
 * Returns what to do if somebody has changed the file meanwhile, which is then not replaced.
 * Forgets the idempotency key, because the same request may no longer fit the file.
 */
const afterChange = ({ forgetKey }: Session, { secrets }: Adoption): string => {
  forgetKey();
  const names = secrets.map(({ name }) => name).join(', ');
  return `the vault has stored ${names}, so run the command again to put secret() in place`;
};

const tellStored = (
  file: string,
  { secrets, kept, unfit }: Adoption,
  found: readonly string[],
  dryRun: true | undefined,
): void => {
  const created = secrets.flatMap(({ name }) => (found.includes(name) ? [] : [name]));
  if (secrets.length === 0) {
    note(`${file} stays as it is${unfit.length > 0 ? '' : ': it has no value to store'}`);
  }
  if (created.length > 0) note(`${dryRun ? 'would create' : 'created'} ${created.join(', ')}`);
  if (found.length > 0) note(`these already had the same values: ${found.join(', ')}`);
  if (kept.length > 0) note(`${kept.join(', ')}: a reference already, or empty; unchanged`);
};

const documentOf = (
  file: string,
  { secrets, kept, unfit, plain, doubtful, silenced, content }: Adoption,
  found: readonly string[],
  held: ReturnType<typeof findHeldValues>,
  dryRun: true | undefined,
) => ({
  file,
  adopted: secrets.map(({ key, name }) => ({ key, name, created: !found.includes(name) })),
  kept,
  unfit,
  plain,
  doubtful,
  silenced,
  warnings: held,
  ...(dryRun && { content }),
});
