/**
 * Looks up the names and references of a `.env` file, and reports names that are missing or exist
 * already. The heads come from one snapshot. A superseded version can only be destroyed. So reading
 * superseded versions one by one afterwards gives the values of the snapshot, or shows that one was
 * destroyed.
 */
import { anchorOf } from '../crypto/fingerprint.ts';
import { namesOf, type Plan } from '../env/plan.ts';
import { type Reference, reportReferences, writtenAs } from '../env/references.ts';
import { requireAtMost } from '../env/sizes.ts';
import { ApiError, countsOf } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import {
  type Head,
  isNameVisible,
  type StoredVersion,
  type ValueVersion,
  type VersionRef,
} from '../model/types.ts';
import { inParallel } from './parallel.ts';
import { type Absence, absenceOf } from './permission.ts';
import type { RequestVault } from './request.ts';
import { chooseVersion, findValidAt } from './versions.ts';

export type Heads = ReadonlyMap<string, Head>;
/**
 * The versions that were found, by the text of the reference that names each, in the order of the
 * plan.
 */
export type Versions = ReadonlyMap<string, ValueVersion>;

/** A file's names and the instant to look them up at; `undefined` means now. */
export type LookupRequest = { readonly plan: Plan; readonly at?: number | undefined };

/**
 * Returns the values of a file that become new versions of existing secrets, because the file has
 * `enc(NAME@next)`.
 */
export const nextOf = ({ create }: Plan): Plan['create'] => create.filter(({ isNext }) => isNext);

/** Reads the heads of these secrets in one snapshot. Makes no call if there are no names. */
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
   * What was not found, with the reason: references to a missing version or a deletion, and `@next`
   * values whose secret has no value to replace. The keys are the texts of the references.
   */
  readonly missing: ReadonlyMap<string, Absence>;
  /**
   * The fault to report. If there are several, the first of these: secrets at a version other than
   * `ifVersions` expects, an integrity failure, mismatched pins, destroyed versions. Callers report
   * missing references before any of these.
   */
  readonly fault: ApiError | undefined;
};

/**
 * Looks up the references of a file. Versions that are current need no further call. Throws the
 * errors of reads, except `integrity_failure`, which is returned as the fault.
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
  const { versions, others, fault } = sortFound(plan, results);
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
  for (const [reference, result] of others) {
    missing.set(writtenAs(reference), absenceAmong(vault, heads, reference, result));
  }
  return { versions, missing, fault: faultOf(plan, 'version_conflict', moved) ?? fault };
};

/**
 * Sorts what the reads found for the references of a file into versions with a value (`versions`),
 * the fault to report, and `others`: references to a missing version or to a deletion.
 */
const sortFound = (plan: Plan, results: readonly (StoredVersion | ApiError | undefined)[]) => {
  const versions = new Map<string, ValueVersion>();
  const others: [Reference, StoredVersion | undefined][] = [];
  const [mismatched, destroyed] = [new Set<string>(), new Set<string>()];
  let fault: ApiError | undefined;
  for (const [index, reference] of plan.read.entries()) {
    const result = results[index];
    if (result instanceof ApiError) fault ??= result;
    else if (isOfOtherHistory(reference, result)) mismatched.add(writtenAs(reference));
    else if (result?.state === 'stored') versions.set(writtenAs(reference), result);
    else if (result?.state === 'destroyed') destroyed.add(writtenAs(reference));
    else others.push([reference, result]);
  }
  fault ??= faultOf(plan, 'pin_mismatch', mismatched);
  fault ??= faultOf(plan, 'version_destroyed', destroyed);
  return { versions, others, fault };
};

/**
 * Returns the reason, for the log, why a reference has no value. `deletion` is the version that it
 * refers to, if that is a deletion.
 */
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

/**
 * Whether a pin's anchor differs from that of the stored version. False for a missing version and
 * for a deletion, because both are reported as missing.
 */
const isOfOtherHistory = ({ anchor }: Reference, found: StoredVersion | undefined): boolean =>
  anchor !== undefined &&
  found !== undefined &&
  found.state !== 'deleted' &&
  anchorOf(found) !== anchor;

const sentences = {
  version_conflict:
    'some secrets are not at the version that ifVersions expects; nothing was stored',
  pin_mismatch:
    'the file pins versions that this vault has not written, or that a restore has undone',
  version_destroyed: 'the file refers to versions whose values were destroyed',
  secret_exists: 'some secrets that the file would create exist already; nothing was stored',
} as const;

/**
 * Makes the error with this code that lists these references, which are given by their texts;
 * `undefined` if there are none.
 */
const faultOf = (
  plan: Plan,
  code: keyof typeof sentences,
  references: ReadonlySet<string>,
): ApiError | undefined =>
  references.size === 0
    ? undefined
    : new ApiError(code, sentences[code], {
        properties: reportReferences(plan, references, code),
      });

const asFault = (error: unknown): ApiError => {
  if (error instanceof ApiError && error.code === 'integrity_failure') return error;
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
 * Finds the versions that the first answer to a keyed request used. The record lists them in the
 * order of the plan, which the same request produces again. Throws `not_found` if the token no
 * longer covers a name, `pin_mismatch`, `version_destroyed`, and `integrity_failure` if a version
 * is missing or the record does not match the references.
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
  const found = await inParallel(used, width, async ({ reference, ref }) => {
    const { name, version = ref?.version } = reference;
    if (ref?.name !== name || ref.version !== version) throw notOfThisFile();
    const head = heads.get(name);
    return head && (await chooseVersion(vault, head, version));
  });
  const { versions, others, fault } = sortFound(plan, found);
  if (others.length > 0) {
    throw new ApiError('integrity_failure', 'a version that was read is gone');
  }
  if (fault) throw fault;
  return versions;
};

const notOfThisFile = (): ApiError =>
  new ApiError('integrity_failure', 'the record names other references than the file');

/**
 * Reads all names of the file again. Returns their heads, or throws `secret_exists` or `not_found`
 * with every such name, or `too_large`.
 */
export const reportNames = async (vault: RequestVault, request: LookupRequest): Promise<Heads> => {
  const { plan } = request;
  const heads = await readHeads(vault, [...plan.create, ...plan.read]);
  for (const name of existingOf(plan, heads)) vault.journal.decided('refused_exists', { name });
  requireNew(plan, heads);
  requireFound(plan, (await findVersions(vault, request, heads)).missing);
  return heads;
};

const existingOf = ({ create }: Plan, heads: Heads): string[] =>
  create.flatMap(({ name, isNext }) =>
    !isNext && heads.get(name)?.state === 'stored' ? name : [],
  );

/**
 * Throws `secret_exists` with all new names that exist already. Throws `too_large` if the names do
 * not fit in one transaction: a name that replaces a version or a deletion takes two actions, so it
 * counts twice.
 */
export const requireNew = (plan: Plan, heads: Heads): void => {
  const fault = faultOf(plan, 'secret_exists', new Set(existingOf(plan, heads)));
  if (fault) throw fault;
  const again = plan.create.filter(({ name }) => heads.has(name)).length;
  requireAtMost(plan.create.length + plan.read.length + again, limits.fileNamesMax, namesOf);
};

/**
 * Returns the version for each reference of a file. If references are missing, throws `not_found`
 * before any other fault.
 */
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

const requireFound = (plan: Plan, missing: ReadonlyMap<string, Absence>): void => {
  if (missing.size === 0) return;
  const properties = reportReferences(plan, new Set(missing.keys()), 'not_found');
  const forLog = { reasons: countsOf(missing.values()) };
  const sentence = 'the token sees no such secret, or no such version of one';
  throw new ApiError('not_found', sentence, { properties, forLog });
};
