/**
 * Finds the stored versions that the references of a `.env` file stand for. One snapshot of heads decides. A
 * superseded version never changes, so single reads after the snapshot give the same result as the snapshot would.
 */
import { type Reference, writtenAs } from '../env/references.ts';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { StoredVersion, VersionRef } from '../model/types.ts';
import type { Submission } from './env-file.ts';
import type { Heads } from './env-names.ts';
import { chooseVersion, findValidAt } from './get-secret.ts';
import { inParallel } from './parallel.ts';

/** Versions by the text of their reference, in the order of the plan. */
export type Versions = ReadonlyMap<string, StoredVersion>;

export type Found = {
  readonly versions: Versions;
  /** The texts of the references that stand for no version. */
  readonly missing: ReadonlySet<string>;
  /** The first integrity failure. Missing references take precedence in the answer. */
  readonly fault: VaultError | undefined;
};

/** Makes no call for versions that the heads show. Throws the errors of reads, except `integrity_failure`. */
export const findVersions = async (submission: Submission, heads: Heads): Promise<Found> => {
  const { plan } = submission;
  const width = limits.versionReadsConcurrencyMax;
  const results = await inParallel(plan.read, width, async (reference) => {
    const head = heads.get(reference.name);
    return head && (await findVersion(submission, reference, head).catch(asFault));
  });
  const versions = new Map<string, StoredVersion>();
  const missing = new Set<string>();
  let fault: VaultError | undefined;
  for (const [index, reference] of plan.read.entries()) {
    const result = results[index];
    if (result instanceof VaultError) fault ??= result;
    else if (result) versions.set(writtenAs(reference), result);
    else missing.add(writtenAs(reference));
  }
  return { versions, missing, fault };
};

const asFault = (error: unknown): VaultError => {
  if (error instanceof VaultError && error.code === 'integrity_failure') return error;
  throw error;
};

const findVersion = async (
  { ports: { store }, context, principal, request: { at } }: Submission,
  { version }: Reference,
  head: StoredVersion,
): Promise<StoredVersion | undefined> => {
  if (version === undefined) {
    return at === undefined ? head : await findValidAt(store, context, principal, at, head);
  }
  const found = await chooseVersion(store, context, principal, version, head, undefined);
  const hadBegun = at === undefined || (found !== undefined && found.validFrom <= at);
  return hadBegun ? found : undefined;
};

/**
 * The versions that the first answer to a keyed request used. Its record lists them in the order of the same plan.
 * The heads must hold every name. Throws `integrity_failure` if the record does not match these references, or if a
 * version is missing.
 */
export const findRecorded = async (
  { ports: { store }, context, principal, plan }: Submission,
  heads: Heads,
  resolved: readonly VersionRef[],
): Promise<Versions> => {
  if (resolved.length !== plan.read.length) throw notOfThisFile();
  const used = plan.read.map((reference, index) => ({ reference, ref: resolved[index] }));
  const width = limits.versionReadsConcurrencyMax;
  const entries = await inParallel(used, width, async ({ reference, ref }) => {
    const { name, version = ref?.version } = reference;
    if (ref?.name !== name || ref.version !== version) throw notOfThisFile();
    const head = heads.get(name);
    const found =
      head && (await chooseVersion(store, context, principal, version, head, undefined));
    if (!found) throw new VaultError('integrity_failure', 'a version that was read is gone');
    return [writtenAs(reference), found] as const;
  });
  return new Map(entries);
};

const notOfThisFile = (): VaultError =>
  new VaultError('integrity_failure', 'the record names other references than the file');
