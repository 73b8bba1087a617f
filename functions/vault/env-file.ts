/**
 * `.env` files: several secrets are created and read in one operation, all or nothing. All three operations take the
 * same steps: plan the file, look its names up, seal and open its values, render it, and write.
 *
 * The file is rendered before anything is written, so that a file that cannot be rendered never leaves secrets
 * behind. A fault of a key or of the file is reported only after all names were checked. So the answer does not
 * depend on the order of events, and a dry run gives the same answer.
 */
import type { Fingerprint } from '../crypto/fingerprint.ts';
import { type EnvFile, type Plan, planFile } from '../env/plan.ts';
import { type RenderedFile, renderFile } from '../env/render.ts';
import { VaultError } from '../model/errors.ts';
import {
  type IdempotencyRecord,
  isNameVisible,
  type SealedVersion,
  type StoredVersion,
  type VersionRef,
} from '../model/types.ts';
import {
  type Asked,
  findRecorded,
  findVersions,
  readHeads,
  reportNames,
  requireNew,
  type Versions,
} from './env-lookup.ts';
import { type FileKeys, openAll, sealAndOpenAll, zeroKeys } from './env-values.ts';
import { recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import { operation, type Ports, type RequestVault } from './request.ts';
import { type Backoff, retryRaces, startBackoff, writeUntilClear } from './retries.ts';

export type FileRequest = EnvFile & {
  readonly dryRun: boolean;
  /** The form of the reply. Its size is checked before it is built. */
  readonly reply: 'json' | 'text';
  /** The instant whose secrets are read; `undefined` for the current ones. Only for requests that only read. */
  readonly at: number | undefined;
  /** Whether the pinned file is requested too. Only for requests that only read, with a JSON reply. */
  readonly pin: boolean;
  readonly fingerprint: Fingerprint | undefined;
};
export type FileAnswer = RenderedFile & {
  readonly created: readonly VersionRef[];
  /** One entry for each reference, in the order of the plan. A name may occur both unpinned and pinned. */
  readonly resolved: readonly VersionRef[];
  readonly replayed: boolean;
};

type WritingRequest = Omit<FileRequest, 'mode' | 'at' | 'pin'>;
type ReadingRequest = Omit<FileRequest, 'mode' | 'fingerprint'>;

/** Creates the secrets of `enc()` and resolves `secret()`, each in one transaction. */
export const submitEnv = (ports: Ports) =>
  operation(ports, (vault, request: WritingRequest) =>
    processFile(vault, { ...request, mode: 'submit', at: undefined, pin: false }),
  );

/** Creates the secrets of `enc()`. It keeps `secret()` and looks nothing up. */
export const encryptEnv = (ports: Ports) =>
  operation(ports, (vault, request: WritingRequest) =>
    processFile(vault, { ...request, mode: 'encrypt', at: undefined, pin: false }),
  );

/**
 * Resolves `secret()` as of now or of the instant `at`, and refuses `enc()`. It writes nothing, so it ignores an
 * idempotency key.
 */
export const expandEnv = (ports: Ports) =>
  operation(ports, (vault, request: ReadingRequest) =>
    processFile(vault, { ...request, mode: 'expand', fingerprint: undefined }),
  );

/** One request, as all its attempts share it. */
type Submission = Asked & {
  readonly request: FileRequest;
  readonly backoff: Backoff;
  readonly keys: FileKeys;
};

/**
 * Throws `invalid_env` (with every bad line), `forbidden` (a hidden new name), `secret_exists` or `not_found` (with
 * every such name), `too_large`, and the errors of writes and data keys.
 */
const processFile = async (vault: RequestVault, request: FileRequest): Promise<FileAnswer> => {
  const plan = planFile(request);
  if (plan.create.some(({ name }) => !isNameVisible(vault.principal.names, name))) {
    throw new VaultError('forbidden', 'the token does not allow a name of the file');
  }
  const backoff = startBackoff(vault);
  const keys: FileKeys = new Map();
  const submission = { request, plan, at: request.at, backoff, keys };
  const attempt = () =>
    unlessRecorded(
      vault,
      request.fingerprint,
      () => tryOnce(vault, submission),
      (fingerprint, record) => replay(vault, submission, fingerprint, record),
    );
  try {
    return await retryRaces(backoff, attempt);
  } finally {
    zeroKeys(keys);
  }
};

/** Makes one attempt, from reading to writing. `undefined` means that a read secret has changed, so a retry is needed. */
const tryOnce = async (
  vault: RequestVault,
  submission: Submission,
): Promise<FileAnswer | undefined> => {
  const { plan, request, keys } = submission;
  const { fingerprint, dryRun } = request;
  const [heads, record] = await Promise.all([
    readHeads(vault, plan, dryRun ? 'all' : 'read'),
    fingerprint && vault.store.findRecord(fingerprint.hash),
  ]);
  if (fingerprint && record) return await replay(vault, submission, fingerprint, record);
  if (dryRun) requireNew(plan, heads);
  const { versions, missing, fault } = await findVersions(vault, submission, heads);
  if (missing.size > 0) return await reportOrRetry(vault, submission);
  try {
    if (fault) throw fault;
    const { firsts, values } = await sealAndOpenAll(vault, plan, keys, versions);
    const rendered = renderFile(plan, values, request.reply, request.pin ? versions : undefined);
    const resolved = refs([...versions.values()]);
    const answer = { ...rendered, created: refs(firsts), resolved, replayed: false };
    // A file that creates nothing and has no key writes nothing.
    if (dryRun || (firsts.length === 0 && !fingerprint)) return answer;
    return await writeAll(vault, submission, firsts, versions, answer);
  } catch (error) {
    if (error instanceof VaultError && afterNames.has(error.code)) {
      await reportNames(vault, submission);
    }
    throw error;
  }
};

/** Faults that may occur before the names of the file were checked. An error about names takes precedence. */
const afterNames: ReadonlySet<string> = new Set([
  'invalid_env',
  'too_large',
  'integrity_failure',
  'master_key_incorrect',
  'master_key_unavailable',
]);

const writeAll = async (
  vault: RequestVault,
  submission: Submission,
  firsts: readonly SealedVersion[],
  versions: Versions,
  answer: FileAnswer,
): Promise<FileAnswer | undefined> => {
  const { plan, backoff } = submission;
  const { mode, fingerprint } = submission.request;
  const record = recordOf(vault, `${mode}-env`, fingerprint, firsts, answer.resolved);
  // A file that creates nothing needs no check, because its answer was true when its secrets were read.
  const unchanged = firsts.length > 0 ? currentOf(plan, versions) : [];
  const write = { creates: firsts, unchanged, ...record };
  const result = await writeUntilClear(vault, write, backoff);
  if (result.outcome === 'replayed' && fingerprint) {
    return await replay(vault, submission, fingerprint, result.record);
  }
  if (result.outcome === 'exists') return await reportOrRetry(vault, submission);
  if (result.outcome === 'raced') return losesRace(vault);
  for (const first of firsts) vault.journal.decided('created', first);
  return answer;
};

/** The versions that may have changed by the time of the write. A pinned version never changes. */
const currentOf = (plan: Plan, versions: Versions): StoredVersion[] =>
  plan.read.flatMap(({ name, version }) =>
    version === undefined ? (versions.get(name) ?? []) : [],
  );

/** Repeats the first answer with its versions. The heads are read after the record, so no version is beyond them. */
const replay = async (
  vault: RequestVault,
  { plan, request }: Submission,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): Promise<FileAnswer> => {
  recordOfSameRequest(vault, fingerprint, record);
  const versions = await findRecorded(vault, plan, record.resolved);
  return {
    ...renderFile(plan, await openAll(vault, plan, versions), request.reply),
    created: refs(record.written),
    resolved: refs(record.resolved),
    replayed: true,
  };
};

/** Throws a report about the names. If the names are fine by now, a retry is needed. */
const reportOrRetry = async (vault: RequestVault, asked: Asked): Promise<undefined> => {
  await reportNames(vault, asked);
  return losesRace(vault);
};

const losesRace = ({ journal }: RequestVault): undefined => {
  journal.decided('lost_race');
  return undefined;
};

const refs = (versions: readonly VersionRef[]): VersionRef[] =>
  versions.map(({ name, version }) => ({ name, version }));
