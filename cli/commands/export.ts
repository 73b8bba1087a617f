import { limits } from '../../functions/model/limits.ts';
import { failure, isFailure, usage } from '../../system/failures.ts';
import { askedDialect, expandFile } from '../files/expand-file.ts';
import { jsonOf, note, printText } from '../output/output.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import { readNames } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { secretName, vaultCommand } from './command-line.ts';

export const exportCommand = () =>
  vaultCommand(
    'export',
    'print secrets with their values, as a .env file or as JSON',
    'dsvault export --out all.env',
    'dsvault export DB_PASSWORD API_KEY --dialect docker',
    'dsvault export --prefix DB_ --json',
  )
    .argument('[names...]', 'these secrets; by default all that the token may see')
    .option('--prefix <beginning>', 'all secrets whose names begin with this', secretName)
    .option('--dialect <name>', 'the program that reads the .env file')
    .option('--out <file>', 'write to a file that only its owner can read')
    .action(async (typed, { prefix, dialect, out, json, ...flags }) => {
      if (typed.length > 0 && prefix !== undefined) throw usage('give names or --prefix');
      if (json && dialect !== undefined) throw usage('give --json or --dialect');
      const target = out === undefined ? undefined : requireWritable(out);
      const given = typed.map(secretName);
      const session = openSession(flags);
      const names = given.length > 0 ? [...new Set(given)] : await readNames(session, { prefix });
      const files = await readFiles(session, names, json ? 'json' : (dialect ?? 'shell'));
      if (files.length > 1) note(`read in ${files.length} parts, not all at one instant`);
      const result = json ? jsonOf(joined(files)) : files.map(({ content }) => content).join('');
      await (target ? replaceFile(target, result) : printText(result));
    });

type Part = { readonly names: readonly string[]; readonly content: string };

/**
 * Reads the secrets with as few requests as the limits allow. Each request sees its secrets at one
 * instant.
 */
const readFiles = async (session: Session, names: readonly string[], dialect: string) => {
  const parts: Part[] = [];
  for (let at = 0; at < names.length; at += limits.fileNamesMax) {
    const some = names.slice(at, at + limits.fileNamesMax);
    parts.push(...(await readPart(session, some, dialect)));
  }
  return parts;
};

/** Reads secrets. If their values are too large together, reads them in two halves. */
const readPart = async (
  session: Session,
  names: readonly string[],
  dialect: string,
): Promise<Part[]> => {
  const isJson = dialect === 'json';
  const keyless = isJson ? undefined : names.find((name) => /[.-]/.test(name));
  if (keyless !== undefined) {
    throw failure(`${keyless} cannot be a key in a .env file: use --json, or name others`, {
      kind: 'invalidFile',
    });
  }
  const key = (name: string, index: number) => (isJson ? `K${index}` : name);
  const lines = names.map((name, index) => `${key(name, index)}="secret(${name})"\n`);
  try {
    const { content } = await expandFile(session, {
      content: lines.join(''),
      dialect: askedDialect(dialect),
    });
    return [{ names, content }];
  } catch (error) {
    const isTooLarge = isFailure(error) && error.report.code === 'too_large';
    if (!isTooLarge || names.length === 1) throw error;
    const middle = names.length >> 1;
    const first = await readPart(session, names.slice(0, middle), dialect);
    return [...first, ...(await readPart(session, names.slice(middle), dialect))];
  }
};

const joined = (parts: readonly Part[]): Readonly<Record<string, string>> => {
  const values = parts.flatMap(({ names, content }) => {
    const keyed = new Map<string, string>(Object.entries(JSON.parse(content)));
    return names.map((name, index): [string, string] => [name, keyed.get(`K${index}`) ?? '']);
  });
  return Object.fromEntries(values);
};
