/**
 * Looks up the names and references of a `.env` file, and reports names that exist or are missing by mistake.
 * One snapshot of heads decides. A superseded version never changes, so single reads after the snapshot give
 * the same result as the snapshot would.
 */
import { anchorOf } from '../crypto/fingerprint.ts';
import type { Plan } from '../env/plan.ts';
import { type Reference, reportReferences, writtenAs } from '../env/references.ts';
import { requireAtMost } from '../env/sizes.ts';
import { countsOf, VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import {
  type Head,
  isNameVisible,
  type StoredVersion,
  type ValueVersion,
  type VersionRef,
} from '../model/types.ts';
import { inParallel } from './parallel.ts';
import type { RequestVault } from './request.ts';
import { type Absence, absenceOf, chooseVersion, findValidAt } from './versions.ts';

export type Heads = ReadonlyMap<string, Head>;
/** Versions by the text of their reference, in the order of the plan. */
export type Versions = ReadonlyMap<string, ValueVersion>;

/** The names of a plan are looked up as of the instant `at`, or as of now without one. */
export type LookupRequest = { readonly plan: Plan; readonly at?: number | undefined };

/** The values of a file that become next versions of existing secrets. */
export const nextOf = ({ create }: Plan): Plan['create'] => create.filter(({ isNext }) => isNext);

/** The heads of secrets or references at one instant, by name. Makes no call without names. */
export const readHeads = async (
  { store }: RequestVault,
  named: readonly { readonly name: string }[],
): Promise<Heads> => {
  const names = new Set(named.map(({ name }) => name));
  return names.size === 0 ? new Map() : await store.findHeads([...names]);
};

type LookupResult = {
  readonly versions: Versions;
  /**
   * The texts of the references that stand for no version, or for a deletion, and of the next versions that have no
   * value to replace, each with its reason.
   */
  readonly missing: ReadonlyMap<string, Absence>;
  /**
   * All secrets that have moved on, or else the first integrity failure, or else all pins of another history, or else all
   * destroyed versions. Missing references take precedence.
   */
  readonly fault: VaultError | undefined;
};

/**
 * Looks up the references of a file. Makes no call for versions that the heads show. Throws the errors of
 * reads, except `integrity_failure`.
 */
export const findVersions = async (
  vault: RequestVault,
  { plan, at }: LookupRequest,
  heads: Heads,
): Promise<LookupResult> => {
  const width = limits.versionReadsConcurrencyMax;
  const results = await inParallel(plan.read, width, async (reference) => {
    const head = heads.get(reference.name);
    return head && (await findVersion(vault, reference, head, at).catch(asFault));
  });
  const versions = new Map<string, ValueVersion>();
  const mismatched = new Set<string>();
  const destroyed = new Set<string>();
  const missing = new Map<string, Absence>();
  const moved = new Set<string>();
  for (const next of nextOf(plan)) {
    const head = heads.get(next.name);
    if (head?.state === 'stored') {
      if ((next.ifVersion ?? head.version) !== head.version) moved.add(writtenAs(next));
      continue;
    }
    missing.set(writtenAs(next), head ? 'deleted' : absenceOf(vault.principal, next.name));
  }
  let fault = moved.size > 0 ? movedFault(plan, moved) : undefined;
  for (const [index, reference] of plan.read.entries()) {
    const result = results[index];
    if (result instanceof VaultError) fault ??= result;
    else if (isOfOtherHistory(reference, result)) mismatched.add(writtenAs(reference));
    else if (result?.state === 'stored') versions.set(writtenAs(reference), result);
    else if (result?.state === 'destroyed') destroyed.add(writtenAs(reference));
    else missing.set(writtenAs(reference), absenceAmong(vault, heads, reference, result));
  }
  if (mismatched.size > 0) fault ??= mismatchFault(plan, mismatched);
  if (destroyed.size > 0) fault ??= destroyedFault(plan, destroyed);
  return { versions, missing, fault };
};

/** Why a reference stands for no version, or for this deletion. */
const absenceAmong = (
  { principal }: RequestVault,
  heads: Heads,
  { name, version = 0 }: Reference,
  deletion: StoredVersion | undefined,
): Absence => {
  if (deletion) return 'deleted';
  const head = heads.get(name);
  if (!head) return absenceOf(principal, name);
  return version > head.version ? 'beyond_current' : 'before_first';
};

/** Whether an anchored pin means another version than the stored one, which a deletion is not. */
const isOfOtherHistory = ({ anchor }: Reference, found: StoredVersion | undefined): boolean =>
  anchor !== undefined &&
  found !== undefined &&
  found.state !== 'deleted' &&
  anchorOf(found) !== anchor;

const movedFault = (plan: Plan, moved: ReadonlySet<string>): VaultError =>
  new VaultError('version_conflict', 'secrets have moved on; nothing was stored', {
    properties: reportReferences(plan, moved, 'version_conflict'),
  });

const mismatchFault = (plan: Plan, mismatched: ReadonlySet<string>): VaultError =>
  new VaultError('pin_mismatch', 'the file refers to versions of another history', {
    properties: reportReferences(plan, mismatched, 'pin_mismatch'),
  });

const destroyedFault = (plan: Plan, destroyed: ReadonlySet<string>): VaultError =>
  new VaultError('version_destroyed', 'the file refers to versions whose values were destroyed', {
    properties: reportReferences(plan, destroyed, 'version_destroyed'),
  });

const asFault = (error: unknown): VaultError => {
  if (error instanceof VaultError && error.code === 'integrity_failure') return error;
  throw error;
};

const findVersion = async (
  vault: RequestVault,
  { version }: Reference,
  head: Head,
  at: number | undefined,
): Promise<StoredVersion | undefined> => {
  if (version === undefined) return at === undefined ? head : await findValidAt(vault, head, at);
  const found = await chooseVersion(vault, head, version);
  const hadBegun = at === undefined || (found !== undefined && found.validFrom <= at);
  return hadBegun ? found : undefined;
};

/**
 * The versions that the first answer to a keyed request used. Its record lists them in the order of the same
 * plan. Throws `not_found` if a name is gone from sight, `pin_mismatch`, `version_destroyed`, and
 * `integrity_failure` if the record does not match these references, or if a version is missing.
 */
export const findRecorded = async (
  vault: RequestVault,
  plan: Plan,
  resolved: readonly VersionRef[],
): Promise<Versions> => {
  const heads = await readHeads(vault, plan.read);
  const { principal } = vault;
  const hidden = nextOf(plan).filter(({ name }) => !isNameVisible(principal.names, name));
  const gone = [...hidden, ...plan.read.filter(({ name }) => !heads.has(name))];
  const whyGone = ({ name }: Reference) => absenceOf(principal, name);
  requireFound(plan, new Map(gone.map((reference) => [writtenAs(reference), whyGone(reference)])));
  if (resolved.length !== plan.read.length) throw notOfThisFile();
  const used = plan.read.map((reference, index) => ({ reference, ref: resolved[index] }));
  const width = limits.versionReadsConcurrencyMax;
  const mismatched = new Set<string>();
  const destroyed = new Set<string>();
  const entries = await inParallel(used, width, async ({ reference, ref }) => {
    const { name, version = ref?.version } = reference;
    if (ref?.name !== name || ref.version !== version) throw notOfThisFile();
    const head = heads.get(name);
    const found = head && (await chooseVersion(vault, head, version));
    if (isOfOtherHistory(reference, found)) {
      mismatched.add(writtenAs(reference));
      return [];
    }
    if (found?.state === 'stored') return [[writtenAs(reference), found] as const];
    if (found?.state !== 'destroyed') {
      throw new VaultError('integrity_failure', 'a version that was read is gone');
    }
    destroyed.add(writtenAs(reference));
    return [];
  });
  if (mismatched.size > 0) throw mismatchFault(plan, mismatched);
  if (destroyed.size > 0) throw destroyedFault(plan, destroyed);
  return new Map(entries.flat());
};

const notOfThisFile = (): VaultError =>
  new VaultError('integrity_failure', 'the record names other references than the file');

/** Reads all names of the file again. Throws a report about them, or returns the heads if they are fine. */
export const reportNames = async (vault: RequestVault, request: LookupRequest): Promise<Heads> => {
  const { plan } = request;
  const heads = await readHeads(vault, [...plan.create, ...plan.read]);
  for (const name of existingOf(plan, heads)) vault.journal.decided('refused_exists', { name });
  requireNew(plan, heads);
  requireFound(plan, (await findVersions(vault, request, heads)).missing);
  return heads;
};

/** The names that the file would create though they exist. */
const existingOf = ({ create }: Plan, heads: Heads): string[] =>
  create.flatMap(({ name, isNext }) =>
    !isNext && heads.get(name)?.state === 'stored' ? name : [],
  );

/**
 * Throws `secret_exists` with all new names that exist, and `too_large` if the names are too many for one
 * transaction because some of them replace a version or a deletion: such a name takes two actions, and so counts twice.
 */
export const requireNew = (plan: Plan, heads: Heads): void => {
  const existing = existingOf(plan, heads);
  if (existing.length === 0) {
    const again = plan.create.filter(({ name }) => heads.has(name)).length;
    requireAtMost(plan.create.length + plan.read.length + again, limits.fileNamesMax);
    return;
  }
  throw new VaultError('secret_exists', 'secrets to be created exist; nothing was stored', {
    properties: reportReferences(plan, new Set(existing), 'secret_exists'),
  });
};

/** The versions of a file's references. Throws `not_found` before any other fault of them. */
export const requireVersions = async (
  vault: RequestVault,
  request: LookupRequest,
  heads: Heads,
): Promise<Versions> => {
  const { versions, missing, fault } = await findVersions(vault, request, heads);
  requireFound(request.plan, missing);
  if (fault) throw fault;
  return versions;
};

/** Throws `not_found` with all missing references, given by their texts. */
const requireFound = (plan: Plan, missing: ReadonlyMap<string, Absence>): void => {
  if (missing.size === 0) return;
  const properties = reportReferences(plan, new Set(missing.keys()), 'not_found');
  const why = { reasons: countsOf(missing.values()) };
  throw new VaultError('not_found', 'no such secret', { properties, why });
};
