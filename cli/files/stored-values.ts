/** Stores values of a file as secrets, for `dsvault import` and `env adopt`. */
import type { ReplyOf } from '../../client/types.ts';
import type { Adoption } from '../../functions/env/adoption.ts';
import { reportOf } from '../../functions/env/faults.ts';
import { isFailure, refusal } from '../../system/failures.ts';
import type { FileError, Report } from '../../system/problem-report.ts';
import type { Client, Session } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';
import { submitFile } from './file-failures.ts';

/** A value, the name of its secret, and its position in the file. */
export type NamedValue = Pick<Adoption['secrets'][number], 'name' | 'value' | 'line' | 'column'>;

type StoreFlags = {
  readonly note?: string | undefined;
  readonly dryRun: true | undefined;
};

/**
 * Stores all values or none. Secrets for which `isNext` is true must exist, and get their next
 * versions; all others must not exist. Errors about names get the positions of their values.
 */
export const storeValues = async (
  session: Session,
  given: readonly NamedValue[],
  { note, dryRun }: StoreFlags,
  isNext: (name: string) => boolean,
  file: string,
): Promise<ReplyOf<'encrypt-env'>> => {
  // The request uses made-up keys, because names of secrets may contain characters that keys may
  // not.
  const lines = given.map(
    ({ name }, index) => `K${index}="enc(${name}${isNext(name) ? '@next' : ''})"\n`,
  );
  const values = Object.fromEntries(given.map(({ name, value }) => [name, value]));
  const body = { content: lines.join(''), values, dryRun, note };
  try {
    return await submitFile(session, 'encrypt-env', body);
  } catch (error) {
    const { errors = [] } = isFailure(error) ? error.report : {};
    const found = errors.flatMap(({ name, code }) => {
      const value = given.find((one) => one.name === name);
      return value ? [{ line: value.line, column: value.column, name, code }] : [];
    });
    if (!isFailure(error) || found.length === 0) throw error;
    throw Object.assign(error, { file, report: { ...error.report, ...reportOf(found) } });
  }
};

/** Returns the report of a failure because secrets exist already. Throws any other one again. */
export const reportOfExisting = (error: unknown): Report => {
  if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
  return error.report;
};

/**
 * Stores all values or none. A secret that already has exactly this value counts as stored, because
 * a colleague may have adopted the same file. Returns the names of the secrets that already had
 * their values. Throws a refusal with the lines whose secrets have other values, or values that the
 * token may not read.
 */
export const adoptValues = async (
  session: Session,
  secrets: readonly NamedValue[],
  flags: StoreFlags,
  file: string,
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (;;) {
    const rest = secrets.filter(({ name }) => !found.includes(name));
    if (rest.length === 0) return found;
    try {
      await storeValues(session, rest, flags, () => false, file);
      return found;
    } catch (error) {
      const { errors = [], ...report } = reportOfExisting(error);
      // Without an error to look at, the request would be repeated for ever.
      if (errors.length === 0) throw error;
      const others: FileError[] = [];
      for (const one of errors) {
        const secret = rest.find(({ name }) => name === one.name);
        if (secret && (await hasValue(session.client, secret))) found.push(secret.name);
        else others.push(one);
      }
      if (others.length > 0) {
        const detail =
          'secrets with these names have different values, or the token may not read them; nothing was stored';
        throw refusal({ ...report, detail, ...reportOf(others) }, file);
      }
    }
  }
};

/** Whether the secret has this value now. False if the token may not read it. */
const hasValue = async (client: Client, { name, value }: NamedValue) => {
  try {
    const current = await client('get-secret', { name });
    return decodeValue(current).equals(Buffer.from(value));
  } catch (error) {
    if (isFailure(error) && ['forbidden', 'not_found'].includes(error.report.code)) return false;
    throw error;
  }
};
