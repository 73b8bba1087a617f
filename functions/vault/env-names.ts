/** Looks up the names of a `.env` file, and reports names that exist or are missing by mistake. */

import type { Plan } from '../env/plan.ts';
import { reportExisting, reportMissing, writtenAs } from '../env/references.ts';
import { VaultError } from '../model/errors.ts';
import type { StoredVersion } from '../model/types.ts';
import type { Submission } from './env-file.ts';
import { findVersions } from './env-versions.ts';

export type Heads = ReadonlyMap<string, StoredVersion>;

/** The heads of the names that the file reads, or of all its names, at one instant. Makes no call without names. */
export const readHeads = async (
  { ports, context, principal, plan }: Submission,
  which: 'read' | 'all',
): Promise<Heads> => {
  const asked = which === 'all' ? [...plan.create, ...plan.read] : plan.read;
  const names = new Set(asked.map(({ name }) => name));
  if (names.size === 0) return new Map();
  return await ports.store.findHeads(context, principal, [...names]);
};

/**
 * Reads all names of the file again and throws a report about them. Returns if the names are fine by now.
 */
export const reportNames = async (submission: Submission): Promise<void> => {
  const { context, plan } = submission;
  const heads = await readHeads(submission, 'all');
  for (const { name } of plan.create) {
    if (heads.has(name)) context.journal.decided('refused_exists', { name });
  }
  requireNew(plan, heads);
  const { missing } = await findVersions(submission, heads);
  requireFound(plan, missing);
};

/** Throws `secret_exists` with all new names that exist. */
export const requireNew = (plan: Plan, heads: Heads): void => {
  const existing = plan.create.flatMap(({ name }) => (heads.has(name) ? name : []));
  if (existing.length === 0) return;
  throw new VaultError('secret_exists', 'secrets to be created exist; nothing was stored', {
    members: reportExisting(plan, new Set(existing)),
  });
};

/** Throws `not_found` with all missing references, given by their texts. */
export const requireFound = (plan: Plan, missing: ReadonlySet<string>): void => {
  if (missing.size === 0) return;
  throw new VaultError('not_found', 'no such secret', { members: reportMissing(plan, missing) });
};

/** The texts of the references whose names do not exist. */
export const withoutHead = (plan: Plan, heads: Heads): ReadonlySet<string> =>
  new Set(plan.read.filter(({ name }) => !heads.has(name)).map(writtenAs));
