/**
 * `dsvault env`: the commands for files with references. This file has those that encrypt, expand
 * and submit a file.
 */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { ReplyOf } from '../../client/types.ts';
import { dialectNames } from '../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { type ScannedLine, scanFile } from '../../functions/env/references.ts';
import { isSecretName } from '../../functions/model/types.ts';
import {
  type Failure,
  failure,
  inOtherWords,
  isFailure,
  usage,
  withSentence,
} from '../../system/failures.ts';
import { collect, readValues, valueOptions } from '../files/enc-values.ts';
import { askedDialect, expandFile } from '../files/expand-file.ts';
import { ofFile, submitFile } from '../files/file-failures.ts';
import { note, printJson, printText } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import { replaceUnchanged, targetOf } from '../output/private-files.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { alphabetNames } from '../values/generate.ts';
import { readText } from '../values/read-value.ts';
import {
  type About,
  instantOf,
  newCommand,
  type OptionsOf,
  vaultCommand,
  versionNumber,
  writingCommand,
} from './command-line.ts';
import { adoptCommand } from './env-adopt.ts';
import { lintCommand } from './env-lint.ts';
import { verifyCommand } from './env-verify.ts';
import { noteCreated } from './write-version.ts';

export const envCommand = () =>
  newCommand(
    'env',
    'files with references to secrets: enc(NAME) stores, secret(NAME) reads',
    'dsvault env adopt .env --secrets',
    'dsvault env lint .env',
    'dsvault env encrypt --in-place .env',
    'dsvault env expand .env --out .env.production',
  )
    .enablePositionalOptions()
    .addCommand(encryptCommand().action((file, flags) => transform('encrypt-env', file, flags)))
    .addCommand(expandCommand().action((file, flags) => transform('expand-env', file, flags)))
    .addCommand(submitCommand().action((file, flags) => transform('submit-env', file, flags)))
    .addCommand(adoptCommand())
    .addCommand(lintCommand())
    .addCommand(verifyCommand());

/** Adds the argument and the options of a command that rewrites a file. */
const withFile = <Options extends OptionValues>(command: Command<[], Options>) =>
  command
    .argument('<file>', 'the file; - is stdin')
    .option('--out <file>', 'write to a file that only its owner can read')
    .option('--in-place', 'replace the file, completely or not at all')
    .option('--dialect <name>', `the program that reads the result: ${dialectNames}`)
    .option('--dry-run', 'show what would happen; nothing is stored or replaced');

/** Creates a command that stores the values in `enc()` as secrets. */
const storingCommand = (...about: About) =>
  withFile(writingCommand(...about))
    .option(...valueOptions.file)
    .option(...valueOptions.fromEnv);

const encryptCommand = () =>
  storingCommand(
    'encrypt',
    'store what enc() names; each becomes secret(), and no secret is read',
    'dsvault env encrypt --in-place .env',
    'dsvault env encrypt .env.in --out .env --value-file TLS_KEY=key.pem',
    'DB_PASSWORD=… dsvault env encrypt - --values-from-env < .env.in',
    'dsvault env encrypt --in-place .env --generate 32 --if-version API_KEY=3',
  )
    .option(
      '--generate <length>',
      'a value for each enc() without one: this many random characters',
    )
    .option('--alphabet <set>', `of these: ${alphabetNames}, or the characters themselves (alnum)`)
    .option('--prompt', 'ask at the terminal for the value of each enc() without one')
    .option(
      '--if-version <name=number>',
      'store nothing unless this is the version that enc(NAME@next) follows (repeatable)',
      collect,
    )
    .addHelpText('after', limitsOfEncrypt);

const limitsOfEncrypt = `
All values are stored together or not at all. dsvault cannot know whether a new
value is accepted where it is used: change it there first, and then give it with
--prompt, or use what accepts the old value and the new one.
`;

/** The versions of `--if-version`, by name, as the API takes them. */
const versionsOf = (given: readonly string[]): Readonly<Record<string, number>> => {
  const versions = new Map<string, number>();
  for (const text of given) {
    const [, name = '', version = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    if (!isSecretName(name)) throw usage('--if-version is NAME=NUMBER');
    if (versions.has(name)) throw usage(`--if-version has two versions of ${name}`);
    versions.set(name, versionNumber(version));
  }
  return Object.fromEntries(versions);
};

const submitCommand = () =>
  storingCommand(
    'submit',
    'store what enc() names and put the values of secret() in place, in one go',
    'dsvault env submit .env.in --out .env',
    'dsvault env submit .env --dry-run',
  );

const expandCommand = () =>
  withFile(
    vaultCommand(
      'expand',
      'put the values of secret() in place',
      'dsvault env expand .env --out .env.production',
      'dsvault env expand .env --at 2026-11-24T14:31:00Z',
      'dsvault env expand .env --pin --in-place',
    ),
  )
    .option('--at <instant>', 'every secret as it was then (RFC 3339, Z)', instantOf('--at'))
    .option('--pin', 'print the file with each secret(NAME) pinned to its version, without values');

type TransformFlags = Partial<OptionsOf<typeof encryptCommand> & OptionsOf<typeof expandCommand>>;
type Operation = 'encrypt-env' | 'submit-env' | 'expand-env';

const transform = async (operation: Operation, file: string, flags: TransformFlags) => {
  const { json, out, inPlace, dryRun, pin } = flags;
  const session = openSession(flags);
  if (json && (out !== undefined || inPlace)) {
    throw usage('--json prints the whole reply to stdout');
  }
  // The target is checked before any request, because a later error could not undo what the vault
  // has stored.
  const target = targetOf(file, flags);
  const content = await readText(file);
  const reply = await ofFile(file, () =>
    ask(session, operation, { file, content }, flags).finally(() => {
      // A repetition would generate other values, and the vault would refuse them under the same
      // idempotency key, so the key is not printed.
      if (flags.generate !== undefined) session.forgetKey();
    }),
  );
  noteWarnings(reply.warnings, file);
  if (json) return await printJson(reply);
  // Reports stored secrets before the result is written, because writing may fail, and the secrets
  // are stored anyway.
  if (reply.created.length > 0) noteCreated(reply.created, dryRun);
  else if (operation === 'encrypt-env') note(`${file} has no enc(): nothing was stored`);
  const result = pin ? (reply.pinned ?? '') : reply.content;
  if (target === undefined) await printText(result);
  else if (!dryRun) {
    replaceUnchanged(target, result, content, () => afterChange(session, reply.created));
  }
  const isKept = file !== '-' && (target?.readAs ?? null) === null;
  if (operation === 'encrypt-env' && isKept && !dryRun && reply.created.length > 0) {
    note(`${file} is unchanged: put the result in its place, as --in-place does`);
  }
};

/**
 * Returns what to do if somebody has changed the file meanwhile, which is then not replaced.
 * Forgets the idempotency key, because the same request would no longer fit the file.
 */
const afterChange = ({ forgetKey }: Session, created: ReplyOf<'submit-env'>['created']): string => {
  forgetKey();
  if (created.length === 0) return 'run the command again';
  const names = created.map(({ name }) => name).join(', ');
  return `the vault has stored ${names}, so write secret(NAME) there for enc(NAME) and its value, and run the command again`;
};

const ask = async (
  session: Session,
  operation: Operation,
  { file, content }: { readonly file: string; readonly content: string },
  { dialect, dryRun, at, pin, note: remark, ifVersion, ...flags }: TransformFlags,
): Promise<ReplyOf<'submit-env'> & { readonly pinned?: string | undefined }> => {
  const options = { content, dialect: askedDialect(dialect), dryRun };
  if (operation === 'expand-env') {
    return await expandFile(session, { ...options, at, pin }).catch((error) => {
      throw isFailure(error) ? ofExpansion(error) : error;
    });
  }
  const ifVersions = ifVersion && versionsOf(ifVersion);
  if (operation === 'encrypt-env') requireReference(content, file);
  const values = await readValues(content, flags);
  const given = values.size > 0 ? Object.fromEntries(values) : undefined;
  const store = () =>
    submitFile(session, operation, { ...options, values: given, ifVersions, note: remark });
  return await withSentence('secret_exists', existing, () =>
    withSentence('not_found', absent[operation], () =>
      withSentence('version_conflict', otherVersions, () =>
        withSentence('invalid_request', noNext, store, 'ifVersions'),
      ),
    ),
  );
};

/** Encryption looks up only the secrets of enc(NAME@next). */
const absent = {
  'encrypt-env':
    'enc(NAME@next) needs a secret that exists: enc(NAME) creates one; nothing was stored',
  'submit-env':
    'secret() and enc(NAME@next) need secrets that exist: enc(NAME) creates one; nothing was stored',
};

const otherVersions =
  'other versions are current than --if-version says: dsvault history NAME lists them; nothing was stored';
const noNext =
  '--if-version names a secret for which the file has no enc(NAME@next): write it there, or leave out the option';

const existing =
  'these secrets exist: secret(NAME) reads one, enc(NAME@next) stores its next version; nothing was stored';

/**
 * Returns the same failure with the addition that nothing was written. An expansion stores nothing
 * anyway.
 */
const ofExpansion = (error: Failure): Failure => {
  const sentence = error.message;
  const isSaid = /nothing was written/.test(sentence);
  return inOtherWords(error, isSaid ? sentence : `${sentence}; nothing was written`);
};

/**
 * Throws for a file without any reference: the vault would return it unchanged, and its owner would
 * think that its plain values are encrypted. If the file has errors, or every enc() already is
 * secret(), the vault's own answer is clearer.
 */
const requireReference = (content: string, file: string): void => {
  const parsed = parseFile(content);
  const isPlain = ({ candidates }: ScannedLine) => candidates.every(({ kind }) => kind === 'text');
  if (parsed.errors.length > 0 || !scanFile(parsed).lines.every(isPlain)) return;
  const sentence = `${file} has no enc(): nothing was stored, and the values in it stay readable`;
  throw failure(`${sentence}; dsvault env adopt stores plain values`, { kind: 'invalidFile' });
};
