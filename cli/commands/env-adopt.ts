import {
  type Adoption,
  findHeldValues,
  planAdoption,
  proposeKeys,
} from '../../functions/env/adoption.ts';
import {
  isTextDialect,
  type TextDialect,
  textDialectNames,
} from '../../functions/env/dialects/dialect.ts';
import { errorsAt, reportOf } from '../../functions/env/faults.ts';
import { VaultError } from '../../functions/model/errors.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { failure, isFailure, refusal, usage } from '../../system/failures.ts';
import { invalidFile } from '../files/file-failures.ts';
import { findOldCopies } from '../files/old-copies.ts';
import { askYes } from '../output/ask-yes.ts';
import { note, printJson, printText } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import { replaceUnchanged, requireReplaceable, requireUnchanged } from '../output/private-files.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { decodeValue, readText } from '../values/read-value.ts';
import { writingCommand } from './command-line.ts';

export const adoptCommand = () =>
  writingCommand(
    'adopt',
    'store plain values of a file, and put secret() in their place',
    'dsvault env adopt .env --secrets',
    'dsvault env adopt .env --keys DB_PASSWORD,API_KEY --prefix app. --dialect node',
    'dsvault env adopt .env --secrets --dry-run',
  )
    .argument('<file>', 'the file, which is replaced whole or not at all')
    .option('--keys <names>', 'the keys whose values are stored, with commas between')
    .option('--secrets', 'the keys that look like those of secrets, after a question')
    .option('--yes', 'store what --secrets finds without a question')
    .option('--prefix <text>', 'the beginning of the name of each secret')
    .option('--dialect <name>', `the program that reads the file: ${textDialectNames}`, 'shell')
    .option('--dry-run', 'print the new file; nothing is stored or replaced')
    .action(async (file, { keys, secrets, yes, prefix = '', dialect, dryRun, json, ...flags }) => {
      if ((keys === undefined) === (secrets === undefined)) throw usage('give --keys or --secrets');
      const reader = textDialect(dialect);
      const session = openSession(flags);
      const target = requireReplaceable(file);
      const content = await readText(file);
      const chosen = keys?.split(',') ?? proposeKeys(content);
      const adoption = plan(file, content, chosen, prefix, reader);
      if (adoption.secrets.length === 0) return await tellNothing(file, adoption, json);
      if (secrets && !dryRun && !session.settings.curl) await requireYes(adoption, yes);
      // The question may have been open for long.
      requireUnchanged(target, content, () => 'nothing was stored, so run the command again');
      const { found } = await store(session, file, content, adoption, { ...flags, dryRun });
      // Reported before the file is replaced: that may fail, and the secrets remain.
      if (!json) tellStored(adoption, found, dryRun);
      if (!dryRun) {
        replaceUnchanged(target, adoption.content, content, () => afterChange(session, adoption));
      }
      const held = findHeldValues(adoption.content, adoption.secrets);
      if (json) return await printJson(documentOf(file, adoption, found, held, dryRun));
      if (dryRun) await printText(adoption.content);
      else note(`${file} has references now: dsvault env expand reads it`);
      noteWarnings(held, file);
      for (const sentence of findOldCopies(target.file)) note(sentence);
    });

const textDialect = (dialect: string): TextDialect => {
  if (isTextDialect(dialect)) return dialect;
  throw usage(`--dialect is one of ${textDialectNames}`);
};

/** Throws the errors of the file, and of keys and names that cannot be. */
const plan = (
  file: string,
  content: string,
  keys: readonly string[],
  prefix: string,
  dialect: TextDialect,
): Adoption => {
  const nameOf = (key: string) => `${prefix}${key}`;
  if (keys.some((key) => isSecretName(key) && !isSecretName(nameOf(key)))) {
    throw usage(
      'the names would be none: --prefix begins with a letter or _, then letters, digits, _ . or -',
    );
  }
  const adoption = planOrFail(content, { keys: [...new Set(keys)], nameOf, dialect });
  if (adoption.errors.length > 0) throw invalidFile(reportOf(adoption.errors), file);
  const { missing } = adoption;
  if (missing.length === 0) return adoption;
  // A key that is not in the file may be a value that was typed in the wrong place.
  const which = keys.flatMap((key, index) => (missing.includes(key) ? [`${index + 1}`] : []));
  throw usage(`--keys: the file has no key that is number ${which.join(', ')} of the list`);
};

const planOrFail = (content: string, choice: Parameters<typeof planAdoption>[1]): Adoption => {
  try {
    return planAdoption(content, choice);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw failure(error.message, { kind: 'invalidFile' });
  }
};

const tellNothing = async (file: string, { kept }: Adoption, json: true | undefined) => {
  if (json) return await printJson({ file, adopted: [], kept });
  note(`${file} stays as it is: each value is a reference or empty, or looks like no secret`);
};

const requireYes = async ({ secrets }: Adoption, yes: true | undefined): Promise<void> => {
  const list = secrets
    .map(({ key, name }) => (key === name ? key : `${key} as ${name}`))
    .join(', ');
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw usage('--secrets asks at a terminal; where there is none it needs --yes');
  }
  if (await askYes(`These values will be stored: ${list}. Type yes to go on: `)) return;
  throw failure('nothing was stored');
};

type StoreFlags = {
  readonly note?: string | undefined;
  readonly dryRun: true | undefined;
};

/**
 * Stores all values or none. A secret that has this very value already counts as stored, because a colleague may have the
 * same file; `found` has the names of these. Throws the lines whose secrets have other values.
 */
const store = async (
  session: Session,
  file: string,
  content: string,
  { secrets }: Adoption,
  { note: remark, dryRun }: StoreFlags,
): Promise<{ readonly found: readonly string[] }> => {
  const found: string[] = [];
  for (;;) {
    const rest = secrets.filter(({ name }) => !found.includes(name));
    if (rest.length === 0) return { found };
    const lines = rest.map(({ name }, index) => `K${index}="enc(${name})"\n`);
    const values = Object.fromEntries(rest.map(({ name, value }) => [name, value]));
    const body = { content: lines.join(''), values, dryRun, note: remark };
    try {
      await session.client('encrypt-env', { body });
      return { found };
    } catch (error) {
      if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
      const existing = new Set((error.report.errors ?? []).map(({ name }) => name));
      const taken = rest.filter(({ name }) => existing.has(name));
      // A vault that names none of these would be asked for ever.
      if (taken.length === 0) throw error;
      const others: typeof rest = [];
      for (const secret of taken) {
        if (await hasValue(session, secret)) found.push(secret.name);
        else others.push(secret);
      }
      if (others.length > 0) {
        const faults = others.map(({ offset, name }) => ({
          offset,
          code: 'secret_exists' as const,
          name,
        }));
        const detail =
          'secrets of these names have other values, or may not be read; nothing was stored';
        throw refusal({ ...error.report, detail, ...reportOf(errorsAt(content, faults)) }, file);
      }
    }
  }
};

/** Whether the secret has this value now. A token that may not read cannot tell. */
const hasValue = async (session: Session, { name, value }: Adoption['secrets'][number]) => {
  try {
    const current = await session.client('get-secret', { name });
    return decodeValue(current).equals(Buffer.from(value));
  } catch (error) {
    if (isFailure(error) && ['forbidden', 'not_found'].includes(error.report.code)) return false;
    throw error;
  }
};

/** What to do after the file has changed and stays. The same request may not fit any more. */
const afterChange = ({ forgetKey }: Session, { secrets }: Adoption): string => {
  forgetKey();
  const names = secrets.map(({ name }) => name).join(', ');
  return `the vault has stored ${names}, so run the command again to put secret() in place`;
};

const tellStored = (
  { secrets, kept }: Adoption,
  found: readonly string[],
  dryRun: true | undefined,
): void => {
  const created = secrets.flatMap(({ name }) => (found.includes(name) ? [] : [name]));
  if (created.length > 0) note(`${dryRun ? 'would create' : 'created'} ${created.join(', ')}`);
  if (found.length > 0) note(`these had the same values already: ${found.join(', ')}`);
  if (kept.length > 0) note(`${kept.join(', ')}: a reference already, or empty; unchanged`);
};

const documentOf = (
  file: string,
  { secrets, kept, content }: Adoption,
  found: readonly string[],
  held: ReturnType<typeof findHeldValues>,
  dryRun: true | undefined,
) => ({
  file,
  adopted: secrets.map(({ key, name }) => ({ key, name, created: !found.includes(name) })),
  kept,
  warnings: held,
  ...(dryRun && { content }),
});
