/**
 * `.env` files: several secrets are created and read in one operation, all or nothing. `submit-env.ts` does both,
 * `encrypt-env.ts` only creates, `expand-env.ts` only reads. All three take the same steps.
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
  type Principal,
  type SealedVersion,
  type StoredVersion,
  type VersionRef,
} from '../model/types.ts';
import { readHeads, reportNames, requireFound, requireNew, withoutHead } from './env-names.ts';
import { type FileKeys, openAll, sealAndOpenAll, zeroKeys } from './env-values.ts';
import { findRecorded, findVersions, type Versions } from './env-versions.ts';
import { recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import type { Ports, RequestContext } from './ports.ts';
import { type Backoff, startBackoff, throttled, writeUntilClear } from './retries.ts';

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

/** The state of one request, shared by all its steps. */
export type Submission = {
  readonly ports: Ports;
  readonly context: RequestContext;
  readonly principal: Principal;
  readonly request: FileRequest;
  readonly plan: Plan;
  readonly backoff: Backoff;
  readonly keys: FileKeys;
};

/**
 * Throws `invalid_env` (with every bad line), `forbidden` (a hidden new name), `secret_exists` or `not_found` (with
 * every such name), `too_large`, and the errors of writes and data keys.
 */
export const processFile = async (
  ports: Ports,
  context: RequestContext,
  principal: Principal,
  request: FileRequest,
): Promise<FileAnswer> => {
  const plan = planFile(request);
  if (plan.create.some(({ name }) => !isNameVisible(principal.names, name))) {
    throw new VaultError('forbidden', 'the token does not allow a name of the file');
  }
  const backoff = startBackoff(context);
  const keys: FileKeys = new Map();
  const submission = { ports, context, principal, request, plan, backoff, keys };
  try {
    for (;;) {
      const answer = await unlessRecorded(
        ports.store,
        context,
        principal,
        request.fingerprint,
        () => tryOnce(submission),
        (fingerprint, record) => replay(submission, fingerprint, record),
      );
      if (answer) return answer;
      if (!(await backoff())) throw throttled();
    }
  } finally {
    zeroKeys(keys);
  }
};

/** Makes one attempt, from reading to writing. `undefined` means that a read secret has changed, so a retry is needed. */
const tryOnce = async (submission: Submission): Promise<FileAnswer | undefined> => {
  const { ports, context, principal, request, plan } = submission;
  const { fingerprint, dryRun } = request;
  const [heads, record] = await Promise.all([
    readHeads(submission, dryRun ? 'all' : 'read'),
    fingerprint && ports.store.findRecord(context, principal, fingerprint.hash),
  ]);
  if (fingerprint && record) return await replay(submission, fingerprint, record);
  if (dryRun) requireNew(plan, heads);
  const { versions, missing, fault } = await findVersions(submission, heads);
  if (missing.size > 0) return await reportOrRetry(submission);
  try {
    if (fault) throw fault;
    const { firsts, values } = await sealAndOpenAll(submission, versions);
    const rendered = renderFile(plan, values, request.reply, request.pin ? versions : undefined);
    const resolved = refs([...versions.values()]);
    const answer = { ...rendered, created: refs(firsts), resolved, replayed: false };
    // A file that creates nothing and has no key writes nothing.
    if (dryRun || (firsts.length === 0 && !fingerprint)) return answer;
    return await writeAll(submission, firsts, versions, answer);
  } catch (error) {
    if (error instanceof VaultError && afterNames.has(error.code)) await reportNames(submission);
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
  submission: Submission,
  firsts: readonly SealedVersion[],
  versions: Versions,
  answer: FileAnswer,
): Promise<FileAnswer | undefined> => {
  const { ports, context, principal, request, plan, backoff } = submission;
  const { mode, fingerprint } = request;
  const record = recordOf(context, `${mode}-env`, fingerprint, firsts, answer.resolved);
  // A file that creates nothing needs no check, because its answer was true when its secrets were read.
  const unchanged = firsts.length > 0 ? currentOf(plan, versions) : [];
  const write = { creates: firsts, unchanged, ...record };
  const result = await writeUntilClear(context, principal, ports.store, write, backoff);
  if (result.outcome === 'replayed' && fingerprint) {
    return await replay(submission, fingerprint, result.record);
  }
  if (result.outcome === 'exists') return await reportOrRetry(submission);
  if (result.outcome === 'raced') return losesRace(submission);
  for (const first of firsts) context.journal.decided('created', first);
  return answer;
};

/** The versions that may have changed by the time of the write. A pinned version never changes. */
const currentOf = (plan: Plan, versions: Versions): StoredVersion[] =>
  plan.read.flatMap(({ name, version }) =>
    version === undefined ? (versions.get(name) ?? []) : [],
  );

/** Repeats the first answer with its versions. The heads are read after the record, so no version is beyond them. */
const replay = async (
  submission: Submission,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): Promise<FileAnswer> => {
  const { context, request, plan } = submission;
  recordOfSameRequest(context, fingerprint, record);
  const heads = await readHeads(submission, 'read');
  requireFound(plan, withoutHead(plan, heads));
  const versions = await findRecorded(submission, heads, record.resolved);
  return {
    ...renderFile(plan, await openAll(submission, versions), request.reply),
    created: refs(record.written),
    resolved: refs(record.resolved),
    replayed: true,
  };
};

/** Throws a report about the names. If the names are fine by now, a retry is needed. */
const reportOrRetry = async (submission: Submission): Promise<undefined> => {
  await reportNames(submission);
  return losesRace(submission);
};

const losesRace = ({ context }: Submission): undefined => {
  context.journal.decided('lost_race');
  return undefined;
};

const refs = (versions: readonly VersionRef[]): VersionRef[] =>
  versions.map(({ name, version }) => ({ name, version }));
