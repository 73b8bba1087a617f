/**
 * Stores the values of `.env` files, for `/v1/env` and `/v1/env/encrypt`. One transaction stores
 * all versions of a file, together with the record of a keyed request. If the process dies, either
 * the whole file is stored or nothing: there is no lock and nothing to clean up, but the log has no
 * line of the request either. Repeating the request with its key returns the first answer if the
 * file was stored.
 *
 * The file is rendered before anything is written, so a file that cannot be rendered leaves no
 * secrets behind. Faults of keys and of the file are reported only after all names were checked.
 * That makes the answer independent of the order of events, and a dry run gives the same one.
 */
import { anchored, type Fingerprint } from '../crypto/fingerprint.ts';
import { type EnvFile, type Plan, planFile } from '../env/plan.ts';
import { type RenderedFile, renderFile } from '../env/render.ts';
import { ApiError, type ErrorCode } from '../model/errors.ts';
import {
  type AnchoredRef,
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  tellsValue,
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
import { openAll, sealAll } from './env-values.ts';
import { recordOfSameRequest } from './idempotency.ts';
import { createKeyedMutex, inQueues } from './keyed-mutex.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { type KeyOf, withKeys } from './sealing.ts';
import { type Prepared, writeUntilAnswered } from './write-loop.ts';

export type FileRequest = Omit<EnvFile, 'mode'> & {
  /** The form of the reply. Its size is checked before it is built. */
  readonly reply: 'json' | 'text';
};
export type SubmitEnv = FileRequest & {
  readonly dryRun: boolean;
  readonly note?: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
};
export type FileAnswer = RenderedFile & {
  readonly created: readonly AnchoredRef[];
  /**
   * The versions of the `secret()` references: one entry per reference, in the order of the plan. A
   * name may occur both unpinned and pinned.
   */
  readonly resolved: readonly AnchoredRef[];
  readonly replayed: boolean;
};

type Submission = {
  readonly request: SubmitEnv;
  readonly mode: 'submit' | 'encrypt';
  readonly plan: Plan;
  readonly keyOf: KeyOf;
};

const writerOf =
  (mode: Submission['mode']) =>
  (ports: Ports, mutex = createKeyedMutex()) =>
    operation(ports, async (vault, request: SubmitEnv): Promise<FileAnswer> => {
      vault.journal.concerns(aboutRequest(request));
      const plan = planFile({ ...request, mode });
      requireAllowed(vault, plan, request.note);
      const names = request.dryRun ? [] : nextOf(plan).map(({ name }) => name);
      return await withKeys(vault, (keyOf) => {
        const submission = { request, mode, plan, keyOf };
        const work = request.dryRun ? tryDry : writeFile;
        return inQueues(vault, mutex, names, () => work(vault, submission));
      });
    });

/**
 * Stores the values of all `enc()` in one transaction, and resolves all `secret()` from one
 * snapshot of the heads. Throws `invalid_env` with every bad line, and `secret_exists`,
 * `not_found`, `version_conflict`, `pin_mismatch` or `version_destroyed` with every such name. Also
 * throws, without names, `invalid_request` if the note contains a value, `forbidden` if the token
 * does not cover a new name, `too_large`, and the errors of writes and data keys.
 */
export const submitEnv = writerOf('submit');

/**
 * Stores the values of `enc()`. Leaves `secret()` as it is, without looking it up. Throws the
 * errors of `submitEnv`.
 */
export const encryptEnv = writerOf('encrypt');

const requireAllowed = (
  { principal }: RequestVault,
  { create }: Plan,
  note: string | undefined,
): void => {
  if (create.some(({ value }) => tellsValue(note, Buffer.from(value)))) {
    const sentence =
      'the note contains a value of the file, but notes are not secret: leave it out';
    throw new ApiError('invalid_request', sentence, { properties: { field: 'note' } });
  }
  // With `enc(NAME@next)`, a hidden name is reported as not found later, like a missing secret.
  const isForbidden = ({ name, isNext }: Plan['create'][number]) =>
    !isNext && !isNameVisible(principal.names, name);
  const hidden = create.filter(isForbidden).length;
  if (hidden > 0) {
    const sentence =
      "the token does not allow all of the new names in the file: the vault's operator grants names in the access policy or the token";
    throw new ApiError('forbidden', sentence, {
      forLog: { reasons: { name_not_allowed: hidden } },
    });
  }
};

/** Answers with the versions that would be written, as one snapshot of all names shows them. */
const tryDry = async (vault: RequestVault, submission: Submission): Promise<FileAnswer> => {
  const { plan } = submission;
  const heads = await readHeads(vault, [...plan.create, ...plan.read]);
  requireNew(plan, heads);
  const versions = await requireVersions(vault, submission, heads);
  return (await sealAndRender(vault, submission, versions, heads)).answer;
};

const writeFile = (vault: RequestVault, submission: Submission): Promise<FileAnswer> => {
  const { plan, mode, request } = submission;
  const { fingerprint } = request;
  /**
   * The heads of all names that the file stores, read after an attempt failed. A new name has a
   * head here if it was deleted before.
   */
  let met: Heads = new Map();
  return writeUntilAnswered(vault, {
    operation: `${mode}-env`,
    fingerprint,
    faults,
    // New names are not read: the write itself finds out whether they exist.
    read: async () => {
      const [heads, record] = await Promise.all([
        readHeads(vault, [...nextOf(plan), ...plan.read]),
        fingerprint && vault.store.findRecord(fingerprint.keyHash),
      ]);
      return { heads, record };
    },
    replay: (own, record) => replay(vault, submission, own, record),
    prepare: async ({ heads }) => {
      const { versions, missing, fault } = await findVersions(vault, submission, heads);
      if (missing.size > 0) return { is: 'names' };
      if (fault) throw fault;
      return await sealAndRender(vault, submission, versions, new Map([...met, ...heads]));
    },
    judgeMiss: async (_, miss) => {
      const heads = await reportNames(vault, submission);
      if (miss.is === 'fault') throw miss.fault;
      // Finding a deletion for the first time is not a lost race.
      const isRace = plan.create.every(
        ({ name, isNext }) => isNext || !heads.has(name) || met.has(name),
      );
      met = heads;
      return isRace;
    },
  });
};

/**
 * The codes of errors that may occur before the names of the file have been checked. Such errors
 * are kept until then, because errors about names take precedence.
 */
const faults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'invalid_env',
  'version_conflict',
  'pin_mismatch',
  'version_destroyed',
  'too_large',
  'integrity_failure',
  'master_key_incorrect',
  'master_key_unavailable',
]);

const sealAndRender = async (
  vault: RequestVault,
  { plan, request, keyOf }: Submission,
  versions: Versions,
  bases: Heads,
): Promise<Prepared<FileAnswer>> => {
  const values = await openAll(vault, plan, versions, 'current', keyOf);
  const changes = await sealAll(vault, plan, keyOf, bases, request.note);
  const rendered = renderFile(plan, values, request.reply);
  const created = changes.map(({ next }) =>
    request.dryRun ? { name: next.name, version: next.version } : anchored(next),
  );
  const resolved = [...versions.values()].map(anchored);
  return {
    changes,
    // If nothing is created, the versions that were read need not be checked again: the answer was
    // true when they were read.
    unchanged: changes.length > 0 ? currentOf(plan, versions) : [],
    resolved,
    answer: { ...rendered, created, resolved, replayed: false },
  };
};

/**
 * Returns the versions that were read for unpinned references. They must still be current when the
 * write takes effect, because another request could replace them before. A pinned version cannot be
 * replaced.
 */
const currentOf = (plan: Plan, versions: Versions): Head[] =>
  plan.read.flatMap(({ name, version }) => {
    const current = version === undefined ? versions.get(name) : undefined;
    return current ? { ...current, validTo: undefined } : [];
  });

/**
 * Repeats the answer to the first request with this idempotency key, from the versions that it
 * used. The heads are read after that request, so all of these versions exist at or below them, and
 * a missing one is an integrity failure.
 */
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
