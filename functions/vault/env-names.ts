/** Which names of a `.env` file are there, and the report when they should not be, or should. */
import { type Plan, reportNames as reportOf } from '../env/references.ts';
import { VaultError } from '../model/errors.ts';
import type { StoredVersion } from '../model/types.ts';
import type { Submission } from './env-file.ts';

export type Heads = ReadonlyMap<string, StoredVersion>;

/** All heads at one instant; no call for no names. */
export const readHeads = async (
  { ports, context, principal }: Submission,
  names: readonly string[],
): Promise<Heads> =>
  names.length === 0 ? new Map() : await ports.store.findHeads(context, principal, names);

/**
 * Reads all names of the file once more and throws the report of what is wrong with them. Returns if
 * by now nothing is.
 */
export const reportNames = async (submission: Submission): Promise<void> => {
  const { context, plan } = submission;
  const creating = plan.create.map(({ name }) => name);
  const heads = await readHeads(submission, [...creating, ...plan.read]);
  for (const name of creating) {
    if (heads.has(name)) context.journal.decided('refused_exists', { name });
  }
  requireNames(plan, heads, creating);
};

/** Throws for all names at once: new ones that exist, else those to be read that do not. */
export const requireNames = (plan: Plan, heads: Heads, creating: readonly string[]): void => {
  const existing = creating.filter((name) => heads.has(name));
  if (existing.length > 0) {
    throw new VaultError('secret_exists', 'secrets to be created exist; nothing was stored', {
      members: reportOf(plan, 'secret_exists', new Set(existing)),
    });
  }
  const missing = plan.read.filter((name) => !heads.has(name));
  if (missing.length > 0) {
    throw new VaultError('not_found', 'no such secret', {
      members: reportOf(plan, 'not_found', new Set(missing)),
    });
  }
};
