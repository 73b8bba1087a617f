/**
 * `.env` files: several secrets are created and read in one operation, all or nothing. All three operations take the
 * same steps: plan the file, look its names up, seal and open its values, render it, and write.
 *
 * The file is rendered before anything is written, so that a file that cannot be rendered never leaves secrets
 * behind. A fault of a key or of the file is reported only after all names were checked. So the answer does not
 * depend on the order of events, and a dry run gives the same answer.
 */
import { type Fingerprint, tagOfParts } from '../crypto/fingerprint.ts';
import { type EnvFile, type Plan, planFile } from '../env/plan.ts';
import { type RenderedFile, renderFile } from '../env/render.ts';
import { VaultError } from '../model/errors.ts';
import {
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  tellsValue,
  type VersionRef,
} from '../model/types.ts';
import {
  type Asked,
  findRecorded,
  findVersions,
  type Heads,
  readHeads,
  reportNames,
  requireNew,
  type Versions,
} from './env-lookup.ts';
import { type FileKeys, openAll, sealAndOpenAll, zeroKeys } from './env-values.ts';
import { recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import type { Change } from './ports.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { type Backoff, retryRaces, startBackoff, writeUntilClear } from './retries.ts';

export type FileRequest = EnvFile & {
  readonly dryRun: boolean;
  /** The form of the reply. Its size is checked before it is built. */
  readonly reply: 'json' | 'text';
  /** The instant whose secrets are read; `undefined` for the current ones. Only for requests that only read. */
  readonly at: number | undefined;
  /** Whether the pinned file is requested too. Only for requests that only read, with a JSON reply. */
  readonly pin: boolean;
  /** The remark on all secrets that the file creates. */
  readonly note?: string | undefined;
  /** The tag of an earlier answer. If the answer would be the same, it is not given again. */
  readonly unless?: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
};
export type FileAnswer = RenderedFile & {
  readonly created: readonly VersionRef[];
  /** One entry for each reference, in the order of the plan. A name may occur both unpinned and pinned. */
  readonly resolved: readonly VersionRef[];
  /** Only of requests that only read: the same tag stands for the same answer. */
  readonly tag?: string | undefined;
  readonly replayed: boolean;
};
/** The answer with the tag `unless`, which the caller has already. */
export type UnchangedAnswer = { readonly unchanged: true; readonly tag: string };

type WritingRequest = Omit<FileRequest, 'mode' | 'at' | 'pin' | 'unless'>;
type ReadingRequest = Omit<FileRequest, 'mode' | 'note' | 'fingerprint'>;

const nothingToRead = { at: undefined, pin: false, unless: undefined } as const;

/** Creates the secrets of `enc()` and resolves `secret()`, each in one transaction. */
export const submitEnv = (ports: Ports) =>
  operation(ports, async (vault, request: WritingRequest) =>
    whole(await processFile(vault, { ...request, ...nothingToRead, mode: 'submit' })),
  );

/** Creates the secrets of `enc()`. It keeps `secret()` and looks nothing up. */
export const encryptEnv = (ports: Ports) =>
  operation(ports, async (vault, request: WritingRequest) =>
    whole(await processFile(vault, { ...request, ...nothingToRead, mode: 'encrypt' })),
  );

/**
 * Resolves `secret()` as of now or of the instant `at`, and refuses `enc()`. It writes nothing, so it ignores an
 * idempotency key.
 */
export const expandEnv = (ports: Ports) =>
  operation(ports, (vault, request: ReadingRequest) =>
    processFile(vault, { ...request, mode: 'expand', note: undefined, fingerprint: undefined }),
  );

/** Only requests that only read leave out an answer. */
const whole = (answer: FileAnswer | UnchangedAnswer): FileAnswer => {
  if ('unchanged' in answer) throw new VaultError('internal', 'a written file has an answer');
  return answer;
};

/** One request, as all its attempts share it. */
type Submission = Asked & {
  readonly request: FileRequest;
  readonly backoff: Backoff;
  readonly keys: FileKeys;
  /** The heads of names to create that were deleted before, once the store has shown one. */
  deletions: Heads;
};

/**
 * Throws `invalid_env` (with every bad line), `invalid_request` (a note with a value), `forbidden` (a hidden new name),
 * `secret_exists`, `not_found` or `version_destroyed` (with every such name), `too_large`, and the errors of writes and
 * data keys.
 */
const processFile = async (
  vault: RequestVault,
  request: FileRequest,
): Promise<FileAnswer | UnchangedAnswer> => {
  vault.journal.concerns(aboutRequest(request));
  const plan = planFile(request);
  if (plan.create.some(({ value }) => tellsValue(request.note, Buffer.from(value)))) {
    throw new VaultError('invalid_request', 'contains a value of the file', {
      members: { field: 'note' },
    });
  }
  if (plan.create.some(({ name }) => !isNameVisible(vault.principal.names, name))) {
    throw new VaultError('forbidden', 'the token does not allow a name of the file');
  }
  const backoff = startBackoff(vault);
  const keys: FileKeys = new Map();
  const submission = { request, plan, at: request.at, backoff, keys, deletions: new Map() };
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
): Promise<FileAnswer | UnchangedAnswer | undefined> => {
  const { plan, request, keys, deletions } = submission;
  const { fingerprint, dryRun, note } = request;
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
    const tag = request.mode === 'expand' ? tagOf(request, versions) : undefined;
    if (tag !== undefined && tag === request.unless) return { unchanged: true, tag };
    // A dry run has read the heads of its new names, and answers with the versions that would be written.
    const bases = dryRun ? heads : deletions;
    const { changes, values } = await sealAndOpenAll(vault, plan, keys, versions, bases, note);
    const rendered = renderFile(plan, values, request.reply, request.pin ? versions : undefined);
    const resolved = refs([...versions.values()]);
    const created = refs(changes.map(({ next }) => next));
    const answer = { ...rendered, created, resolved, tag, replayed: false };
    // A file that creates nothing and has no key writes nothing.
    if (dryRun || (changes.length === 0 && !fingerprint)) return answer;
    return await writeAll(vault, submission, changes, versions, answer);
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
  'version_destroyed',
  'too_large',
  'integrity_failure',
  'master_key_incorrect',
  'master_key_unavailable',
]);

const writeAll = async (
  vault: RequestVault,
  submission: Submission,
  changes: readonly Change[],
  versions: Versions,
  answer: FileAnswer,
): Promise<FileAnswer | undefined> => {
  const { plan, backoff } = submission;
  const { mode, fingerprint } = submission.request;
  const created = changes.map(({ next }) => next);
  const record = recordOf(vault, `${mode}-env`, fingerprint, created, answer.resolved);
  // A file that creates nothing needs no check, because its answer was true when its secrets were read.
  const unchanged = changes.length > 0 ? currentOf(plan, versions) : [];
  const write = { changes, unchanged, ...record };
  const result = await writeUntilClear(vault, write, backoff);
  if (result.outcome === 'replayed' && fingerprint) {
    return await replay(vault, submission, fingerprint, result.record);
  }
  // The head is shown if a name to create has one. Otherwise a secret that was read has changed.
  if (result.outcome === 'raced' && result.head) return await reportOrRetry(vault, submission);
  if (result.outcome === 'raced') return losesRace(vault);
  for (const next of created) vault.journal.decided('created', next);
  return answer;
};

/** The versions that may have changed by the time of the write. A pinned version never changes. */
const currentOf = (plan: Plan, versions: Versions): Head[] =>
  plan.read.flatMap(({ name, version }) => {
    const current = version === undefined ? versions.get(name) : undefined;
    return current ? { ...current, validTo: undefined } : [];
  });

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
    tag: undefined,
    replayed: true,
  };
};

/**
 * Throws a report about the names. If the names are fine by now, a retry is needed, which replaces the deletions of new
 * names.
 */
const reportOrRetry = async (vault: RequestVault, submission: Submission): Promise<undefined> => {
  const { plan, deletions } = submission;
  const heads = await reportNames(vault, submission);
  submission.deletions = heads;
  // A deletion that is met for the first time is no race.
  const isNew = plan.create.some(({ name }) => heads.has(name) && !deletions.has(name));
  return isNew ? undefined : losesRace(vault);
};

const losesRace = ({ journal }: RequestVault): undefined => {
  journal.decided('lost_race');
  return undefined;
};

/** Covers everything that the answer to a request that only reads depends on. */
const tagOf = ({ content, dialect, reply, pin }: FileRequest, versions: Versions): string =>
  tagOfParts([
    content,
    dialect,
    reply,
    String(pin),
    ...[...versions].flatMap(([reference, { writeId }]) => [reference, writeId]),
  ]);

const refs = (versions: readonly VersionRef[]): VersionRef[] =>
  versions.map(({ name, version }) => ({ name, version }));
