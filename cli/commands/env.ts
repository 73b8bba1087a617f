/** `dsvault env`: encrypts, expands and submits files with references. */

import type { ReplyOf } from '../../client/types.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { type ScannedLine, scanFile } from '../../functions/env/references.ts';
import { type Failure, failure, inOtherWords, isFailure, usage } from '../../system/failures.ts';
import { collect, readValues } from '../files/enc-values.ts';
import { askedDialect, expandFile } from '../files/expand-file.ts';
import { ofFile } from '../files/file-failures.ts';
import { note, noteLine, printJson, printText } from '../output/output.ts';
import { warningLine } from '../output/print-failure.ts';
import { replaceFile, requireReplaceable, requireWritable } from '../output/private-files.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { askedInstant, newCommand, noteOf, vaultCommand, writingCommand } from './command-line.ts';
import { convertCommand } from './env-convert.ts';
import { lintCommand } from './env-lint.ts';
import { verifyCommand } from './env-verify.ts';

export const envCommand = () =>
  newCommand(
    'env',
    'files with references to secrets: enc(NAME) stores, secret(NAME) reads',
    `
    dsvault env lint .env
    dsvault env encrypt --in-place .env
    dsvault env expand .env --out .env.production
    `,
  )
    .enablePositionalOptions()
    .addCommand(encryptCommand())
    .addCommand(expandCommand())
    .addCommand(submitCommand())
    .addCommand(lintCommand())
    .addCommand(convertCommand())
    .addCommand(verifyCommand());

const fileArgument = ['<file>', 'the file; - is stdin'] as const;
const outOption = ['--out <file>', 'write to a file for its owner only'] as const;
const inPlaceOption = ['--in-place', 'replace the file, whole or not at all'] as const;
const dialectOption = [
  '--dialect <name>',
  'the program that reads the result: shell, compose, docker, dotenv, python or json',
] as const;
const dryRunOption = [
  '--dry-run',
  'the same answer and report; nothing is stored or replaced',
] as const;
const valueFileOption = [
  '--value-file <name=file>',
  'the value for an enc() (repeatable)',
] as const;
const valuesFromEnvOption = [
  '--values-from-env',
  'values for each enc() from the variables of these names',
] as const;

const encryptCommand = () =>
  writingCommand(
    'encrypt',
    'store what enc() names; each becomes secret(), and no secret is read',
    `
    dsvault env encrypt --in-place .env
    dsvault env encrypt .env.in --out .env --value-file TLS_KEY=key.pem
    DB_PASSWORD=… dsvault env encrypt - --values-from-env < .env.in
    `,
  )
    .argument(...fileArgument)
    .option(...outOption)
    .option(...inPlaceOption)
    .option(...valueFileOption, collect)
    .option(...valuesFromEnvOption)
    .option(...dialectOption)
    .option(...dryRunOption)
    .action((file, flags) => transform('encrypt-env', file, flags));

const submitCommand = () =>
  writingCommand(
    'submit',
    'store what enc() names and put the values of secret() in place, in one go',
    `
    dsvault env submit .env.in --out .env
    dsvault env submit .env --dry-run
    `,
  )
    .argument(...fileArgument)
    .option(...outOption)
    .option(...inPlaceOption)
    .option(...valueFileOption, collect)
    .option(...valuesFromEnvOption)
    .option(...dialectOption)
    .option(...dryRunOption)
    .action((file, flags) => transform('submit-env', file, flags));

const expandCommand = () =>
  vaultCommand(
    'expand',
    'put the values of secret() in place',
    `
    dsvault env expand .env --out .env.production
    dsvault env expand .env --at 2026-11-24T14:31:00Z
    dsvault env expand .env --pin --in-place
    `,
  )
    .argument(...fileArgument)
    .option(...outOption)
    .option(...inPlaceOption)
    .option(...dialectOption)
    .option(...dryRunOption)
    .option('--at <instant>', 'every secret as it was then (RFC 3339, Z)')
    .option('--pin', 'give the file with each secret(NAME) pinned to its version, without values')
    .action((file, flags) => transform('expand-env', file, flags));

type TransformFlags = Parameters<typeof openSession>[0] & {
  readonly json?: true | undefined;
  readonly out?: string | undefined;
  readonly inPlace?: true | undefined;
  readonly dialect?: string | undefined;
  readonly dryRun?: true | undefined;
  readonly valueFile?: readonly string[] | undefined;
  readonly valuesFromEnv?: true | undefined;
  readonly note?: string | undefined;
  readonly at?: string | undefined;
  readonly pin?: true | undefined;
};
type Operation = 'encrypt-env' | 'submit-env' | 'expand-env';

const transform = async (operation: Operation, file: string, flags: TransformFlags) => {
  const at = flags.at === undefined ? undefined : askedInstant(flags.at);
  noteOf(flags);
  const session = openSession(flags);
  const target = targetOf(file, flags);
  const content = await readText(file, `the file ${file}`);
  const reply = await ofFile(file, async () => {
    try {
      return await ask(session, operation, { file, content }, { ...flags, at });
    } catch (error) {
      throw operation === 'expand-env' && isFailure(error) ? ofExpansion(error) : error;
    }
  });
  for (const warning of reply.warnings) noteLine(warningLine(warning, file));
  if (flags.json) return await printJson(reply);
  // Report stored secrets before the result is written: writing may fail, and the secrets remain.
  if (reply.created.length > 0) {
    const names = reply.created.map(({ name }) => name).join(', ');
    note(`${flags.dryRun ? 'would create' : 'created'} ${names}`);
  } else if (operation === 'encrypt-env') note(`${file} has no enc(): nothing was stored`);
  const result = flags.pin ? (reply.pinned ?? '') : reply.content;
  if (target === undefined) await printText(result);
  else if (!flags.dryRun) replaceFile(target, result);
};

/** The same failure with a sentence about the result. An expansion stores nothing anyway. */
const ofExpansion = (error: Failure): Failure => {
  const sentence = error.message.replace(/; nothing was stored$/, '');
  const isSaid = /nothing was written/.test(sentence);
  return inOtherWords(error, isSaid ? sentence : `${sentence}; nothing was written`);
};

/**
 * Throws for a file without any reference: the vault would return it unchanged, and its owner would think
 * that its plain values are encrypted. The vault answers for a file with errors, and for one in which every
 * enc() is already secret().
 */
const requireReference = (content: string, file: string): void => {
  const parsed = parseFile(content);
  const isPlain = ({ candidates }: ScannedLine) => candidates.every(({ kind }) => kind === 'text');
  if (parsed.errors.length > 0 || !scanFile(parsed).lines.every(isPlain)) return;
  throw failure(`${file} has no enc(): nothing was stored, and the values in it stay readable`, {
    kind: 'invalidFile',
  });
};

const ask = async (
  session: Session,
  operation: Operation,
  { file, content }: { readonly file: string; readonly content: string },
  { dialect, dryRun, at, pin, ...flags }: TransformFlags,
): Promise<ReplyOf<'submit-env'> & { readonly pinned?: string | undefined }> => {
  const options = { content, dialect: askedDialect(dialect), ...(dryRun && { dryRun }) };
  if (operation === 'expand-env') {
    return await expandFile(session, { ...options, ...(at && { at }), ...(pin && { pin }) });
  }
  const values = await readValues(content, flags);
  if (operation === 'encrypt-env') requireReference(content, file);
  const given = values.size > 0 && { values: Object.fromEntries(values) };
  return await session.client(operation, { body: { ...options, ...given, ...noteOf(flags) } });
};

/** Checks the target before any request, because a later error could not undo what was stored. */
const targetOf = (file: string, { out, inPlace, json }: TransformFlags) => {
  if (out !== undefined && inPlace) throw usage('give --out or --in-place');
  if (json && (out !== undefined || inPlace))
    throw usage('--json prints the whole reply to stdout');
  if (inPlace && file === '-') throw usage('stdin cannot be replaced');
  if (inPlace) return requireReplaceable(file);
  return out === undefined ? undefined : requireWritable(out);
};
