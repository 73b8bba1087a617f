/**
 * Writes `.env` files: all versions of `enc()` are created in one transaction, or none. The file is rendered
 * before anything is written, so that a file that cannot be rendered never leaves secrets behind. A fault of
 * a key or of the file is reported only after all names were checked. So the answer does not depend on the
 * order of events, and a dry run gives the same answer.
 */
import { anchored, type Fingerprint } from '../crypto/fingerprint.ts';
import { type EnvFile, type Plan, planFile } from '../env/plan.ts';
import { type RenderedFile, renderFile } from '../env/render.ts';
import { VaultError } from '../model/errors.ts';
import {
  type AnchoredRef,
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  tellsValue,
  type VersionRef,
} from '../model/types.ts';
import {
  findRecorded,
  findVersions,
  type Heads,
  nextOf,
  readHeads,
  reportNames,
  requireNew,
  requireVersions,
  type Versions,
} from './env-lookup.ts';
import { type FileKeys, openAll, sealAll, zeroKeys } from './env-values.ts';
import { recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import { createKeyedMutex, inQueues, type KeyedMutex } from './keyed-mutex.ts';
import type { Change } from './ports.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { type Backoff, startBackoff, throttled, writeUntilClear } from './retries.ts';

export type FileRequest = Omit<EnvFile, 'mode'> & {
  /** The form of the reply. Its size is checked before it is built. */
  readonly reply: 'json' | 'text';
};
export type SubmitEnv = FileRequest & {
  readonly dryRun: boolean;
  /** The remark on all versions that the file creates. */
  readonly note?: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
};
export type FileAnswer = RenderedFile & {
  readonly created: readonly AnchoredRef[];
  /** One entry for each reference, in the order of the plan. A name may occur both unpinned and pinned. */
  readonly resolved: readonly AnchoredRef[];
  readonly replayed: boolean;
};

/** Creates the versions of `enc()` and resolves `secret()`, each in one transaction. */
export const submitEnv = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, (vault, request: SubmitEnv) => writeFile(vault, request, 'submit', mutex));

/** Creates the versions of `enc()`, keeps `secret()`, and looks none of them up. */
export const encryptEnv = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, (vault, request: SubmitEnv) => writeFile(vault, request, 'encrypt', mutex));

/** One request, as all its attempts share it. */
type Submission = {
  readonly request: SubmitEnv;
  readonly mode: 'submit' | 'encrypt';
  readonly plan: Plan;
  readonly backoff: Backoff;
  readonly keys: FileKeys;
};

/**
 * Throws `invalid_env` (with every bad line), `invalid_request` (a note with a value), `forbidden` (a hidden
 * new name), `secret_exists`, `not_found`, `version_conflict`, `pin_mismatch` or `version_destroyed` (with every such
 * name), `too_large`, and the errors of writes and data keys.
 */
const writeFile = async (
  vault: RequestVault,
  request: SubmitEnv,
  mode: Submission['mode'],
  mutex: KeyedMutex,
): Promise<FileAnswer> => {
  vault.journal.concerns(aboutRequest(request));
  const plan = planFile({ ...request, mode });
  requireAllowed(vault, plan, request.note);
  const keys: FileKeys = new Map();
  const submission = { request, mode, plan, backoff: startBackoff(vault), keys };
  const names = request.dryRun ? [] : nextOf(plan).map(({ name }) => name);
  try {
    return await inQueues(vault, mutex, names, () =>
      unlessRecorded(
        vault,
        request.fingerprint,
        () => (request.dryRun ? tryDry : tryUntilAnswered)(vault, submission),
        (fingerprint, record) => replay(vault, submission, fingerprint, record),
      ),
    );
  } finally {
    zeroKeys(keys);
  }
};

const requireAllowed = (
  { principal }: RequestVault,
  { create }: Plan,
  note: string | undefined,
): void => {
  if (create.some(({ value }) => tellsValue(note, Buffer.from(value)))) {
    throw new VaultError('invalid_request', 'contains a value of the file', {
      properties: { field: 'note' },
    });
  }
  // A hidden secret of which the file stores the next version is not found, as a missing one.
  const isForbidden = ({ name, isNext }: Plan['create'][number]) =>
    !isNext && !isNameVisible(principal.names, name);
  const hidden = create.filter(isForbidden).length;
  if (hidden > 0) {
    throw new VaultError('forbidden', 'the token does not allow a name of the file', {
      why: { reasons: { name_not_allowed: hidden } },
    });
  }
};

/** Answers with the versions that would be written. One snapshot of all names decides. */
const tryDry = async (vault: RequestVault, submission: Submission): Promise<FileAnswer> => {
  const { plan } = submission;
  const heads = await readHeads(vault, [...plan.create, ...plan.read]);
  requireNew(plan, heads);
  const versions = await requireVersions(vault, submission, heads);
  return (await sealAndRender(vault, submission, versions, heads)).answer;
};

/**
 * The result of one attempt to write a file. Without an answer, a name may not be as the file needs it. If
 * all names are, `fault` counts, and without a fault the file is read and sealed again.
 */
type Attempt = { readonly answer: FileAnswer } | { readonly fault?: VaultError };

/** Repeats attempts until one has an answer. Throws `throttled`, a report about names, or a fault. */
const tryUntilAnswered = async (
  vault: RequestVault,
  submission: Submission,
): Promise<FileAnswer> => {
  const { plan, backoff } = submission;
  /** The heads of the names, once an attempt has met a new name that was deleted before. */
  let bases: Heads = new Map();
  for (;;) {
    const attempt = await tryOnce(vault, submission, bases);
    if ('answer' in attempt) return attempt.answer;
    const heads = await reportNames(vault, submission);
    if (attempt.fault) throw attempt.fault;
    // A deletion that is met for the first time is no race.
    const isRace = plan.create.every(
      ({ name, isNext }) => isNext || !heads.has(name) || bases.has(name),
    );
    if (isRace) vault.journal.decided('lost_race');
    bases = heads;
    if (!(await backoff())) throw throttled();
  }
};

/** Makes one attempt, from reading to writing. `deletions` has those that new names replace. */
const tryOnce = async (
  vault: RequestVault,
  submission: Submission,
  deletions: Heads,
): Promise<Attempt> => {
  const { plan, request } = submission;
  const { fingerprint } = request;
  const [heads, record] = await Promise.all([
    readHeads(vault, [...nextOf(plan), ...plan.read]),
    fingerprint && vault.store.findRecord(fingerprint.keyHash),
  ]);
  if (fingerprint && record) {
    return { answer: await replay(vault, submission, fingerprint, record) };
  }
  const { versions, missing, fault } = await findVersions(vault, submission, heads);
  if (missing.size > 0) return {};
  try {
    if (fault) throw fault;
    const bases = new Map([...deletions, ...heads]);
    const file = await sealAndRender(vault, submission, versions, bases);
    return await put(vault, submission, versions, file);
  } catch (error) {
    if (!(error instanceof VaultError) || !afterNames.has(error.code)) throw error;
    return { fault: error };
  }
};

/** Faults that may occur before the names of the file were checked. An error about names takes precedence. */
const afterNames: ReadonlySet<string> = new Set([
  'invalid_env',
  'version_conflict',
  'pin_mismatch',
  'version_destroyed',
  'too_large',
  'integrity_failure',
  'master_key_incorrect',
  'master_key_unavailable',
]);

type SealedFile = { readonly changes: readonly Change[]; readonly answer: FileAnswer };

const sealAndRender = async (
  vault: RequestVault,
  { plan, request, keys }: Submission,
  versions: Versions,
  bases: Heads,
): Promise<SealedFile> => {
  const values = await openAll(vault, plan, versions, 'current', keys);
  const changes = sealAll(vault, plan, keys, bases, request.note);
  const rendered = renderFile(plan, values, request.reply);
  const created = changes.map(({ next }) => (request.dryRun ? bare(next) : anchored(next)));
  const resolved = [...versions.values()].map(anchored);
  return { changes, answer: { ...rendered, created, resolved, replayed: false } };
};

const bare = ({ name, version }: VersionRef): VersionRef => ({ name, version });

const put = async (
  vault: RequestVault,
  submission: Submission,
  versions: Versions,
  { changes, answer }: SealedFile,
): Promise<Attempt> => {
  const { plan, mode, backoff } = submission;
  const { fingerprint } = submission.request;
  // A file that creates nothing and has no key writes nothing.
  if (changes.length === 0 && !fingerprint) return { answer };
  const created = changes.map(({ next }) => next);
  const record = recordOf(vault, `${mode}-env`, fingerprint, created, answer.resolved);
  // A file that creates nothing needs no check, because its answer was true when its secrets were read.
  const unchanged = changes.length > 0 ? currentOf(plan, versions) : [];
  const write = { changes, unchanged, ...record };
  const result = await writeUntilClear(vault, write, backoff);
  if (result.outcome === 'replayed' && fingerprint) {
    return { answer: await replay(vault, submission, fingerprint, result.record) };
  }
  if (result.outcome === 'raced') return {};
  for (const { base, next } of changes) {
    vault.journal.decided(base?.state === 'stored' ? 'version_written' : 'created', next);
  }
  return { answer };
};

/** The versions that may have changed by the time of the write. A pinned version never changes. */
const currentOf = (plan: Plan, versions: Versions): Head[] =>
  plan.read.flatMap(({ name, version }) => {
    const current = version === undefined ? versions.get(name) : undefined;
    return current ? { ...current, validTo: undefined } : [];
  });

/** Repeats the first answer with its versions. No version is beyond the heads, which are read later. */
const replay = async (
  vault: RequestVault,
  { plan, request }: Submission,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): Promise<FileAnswer> => {
  recordOfSameRequest(vault, fingerprint, record);
  const { written, resolved, writeId } = record;
  const versions = await findRecorded(vault, plan, resolved);
  return {
    ...renderFile(plan, await openAll(vault, plan, versions, 'past'), request.reply),
    created: written.map((ref) => anchored({ ...ref, writeId })),
    resolved: [...versions.values()].map(anchored),
    replayed: true,
  };
};
