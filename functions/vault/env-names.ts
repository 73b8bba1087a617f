/** Which names of a `.env` file are there, and the report when they should not be, or should. */
import { writtenAs } from '../env/candidates.ts';
import { reportExisting, reportMissing } from '../env/name-reports.ts';
import type { Plan } from '../env/references.ts';
import { VaultError } from '../model/errors.ts';
import type { StoredVersion } from '../model/types.ts';
import type { Submission } from './env-file.ts';
import { findVersions } from './env-versions.ts';

export type Heads = ReadonlyMap<string, StoredVersion>;

/** The heads of what the file reads, or of all that it names, at one instant; no call for no names. */
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
 * Reads all names of the file once more and throws the report of what is wrong with them. Returns if
 * by now nothing is.
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

/** Throws for all new names at once that exist. */
export const requireNew = (plan: Plan, heads: Heads): void => {
  const existing = plan.create.flatMap(({ name }) => (heads.has(name) ? name : []));
  if (existing.length === 0) return;
  throw new VaultError('secret_exists', 'secrets to be created exist; nothing was stored', {
    members: reportExisting(plan, new Set(existing)),
  });
};

/** Throws for all references at once, as they are written, that stand for nothing. */
export const requireFound = (plan: Plan, missing: ReadonlySet<string>): void => {
  if (missing.size === 0) return;
  throw new VaultError('not_found', 'no such secret', { members: reportMissing(plan, missing) });
};

/** The references, as they are written, whose names are not there. */
export const withoutHead = (plan: Plan, heads: Heads): ReadonlySet<string> =>
  new Set(plan.read.filter(({ name }) => !heads.has(name)).map(writtenAs));
