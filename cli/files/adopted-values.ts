/** Stores the values of a file that become secrets, for `dsvault env adopt`. */
import type { Adoption } from '../../functions/env/adoption.ts';
import { reportOf } from '../../functions/env/faults.ts';
import { isFailure, refusal } from '../../system/failures.ts';
import type { Client } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';

/** A value, the name of its secret, and its position in the file. */
type AdoptedValue = Pick<Adoption['secrets'][number], 'name' | 'value' | 'line' | 'column'>;

type StoreFlags = {
  readonly note?: string | undefined;
  readonly dryRun: true | undefined;
};

/**
 * Stores all values or none. A secret that already has exactly this value counts as stored, because
 * a colleague may have adopted the same file. Returns the names of the secrets that already had
 * their values. Throws a refusal with the lines whose secrets have other values, or values that the
 * token may not read.
 */
export const storeValues = async (
  client: Client,
  secrets: readonly AdoptedValue[],
  { note: remark, dryRun }: StoreFlags,
  file: string,
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (;;) {
    const rest = secrets.filter(({ name }) => !found.includes(name));
    if (rest.length === 0) return found;
    const lines = rest.map(({ name }, index) => `K${index}="enc(${name})"\n`);
    const values = Object.fromEntries(rest.map(({ name, value }) => [name, value]));
    const body = { content: lines.join(''), values, dryRun, note: remark };
    try {
      await client('encrypt-env', { body });
      return found;
    } catch (error) {
      if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
      const existing = new Set((error.report.errors ?? []).map(({ name }) => name));
      const taken = rest.filter(({ name }) => existing.has(name));
      // If the vault refuses but names none of these secrets, the request would be repeated for
      // ever.
      if (taken.length === 0) throw error;
      const others: typeof rest = [];
      for (const secret of taken) {
        if (await hasValue(client, secret)) found.push(secret.name);
        else others.push(secret);
      }
      if (others.length > 0) {
        const errors = others.map(({ line, column, name }) => ({
          ...{ line, column, name },
          code: 'secret_exists' as const,
        }));
        const detail =
          'secrets with these names have different values, or the token may not read them; nothing was stored';
        throw refusal({ ...error.report, detail, ...reportOf(errors) }, file);
      }
    }
  }
};

/** Whether the secret has this value now. False if the token may not read it. */
const hasValue = async (client: Client, { name, value }: AdoptedValue) => {
  try {
    const current = await client('get-secret', { name });
    return decodeValue(current).equals(Buffer.from(value));
  } catch (error) {
    if (isFailure(error) && ['forbidden', 'not_found'].includes(error.report.code)) return false;
    throw error;
  }
};
