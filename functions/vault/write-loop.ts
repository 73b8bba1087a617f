/**
 * The loop of every write: create, update, delete, copy, and files. An attempt reads, asks whether
 * the request may replace what it read, seals, and makes one write on condition that exactly what
 * it read is still there. Each operation supplies the steps.
 *
 * Of two concurrent updates, the one that the store commits first wins. Only the conditions of the
 * write decide that (`guardsOf` in store/guards.ts), never this loop. The other update has lost the
 * race: it waits, reads the new head, and becomes the version after it. With `If-Match` it is
 * refused instead.
 */
import type { Fingerprint } from '../crypto/fingerprint.ts';
import { ApiError, type ErrorCode } from '../model/errors.ts';
import type { Head, IdempotencyRecord, StoredVersion, VersionRef } from '../model/types.ts';
import { recordBehind, recordOf } from './idempotency.ts';
import type { Change } from './ports.ts';
import type { Decision, StoreVault } from './request.ts';
import { startBackoff, throttled, writeUntilClear } from './retries.ts';

/** What an attempt writes, and how the request is answered once that is stored. */
export type Prepared<Answer> = {
  readonly changes: readonly Change[];
  /**
   * Versions that the request used but does not replace. The changes take effect only if these are
   * still stored exactly as they were read.
   */
  readonly unchanged?: readonly StoredVersion[];
  /** The versions whose values the request used, for the record of a keyed request. */
  readonly resolved?: readonly VersionRef[];
  readonly answer: Answer;
};

type Miss =
  /**
   * The attempt lost a race: another request wrote first. For a write of one secret, `head` is the
   * version that the other request wrote.
   */
  | { readonly is: 'raced'; readonly head?: Head | undefined }
  /** A name or version that the request needs is missing. */
  | { readonly is: 'names' }
  /** An error that is thrown only after all names of the file have been checked. */
  | { readonly is: 'fault'; readonly fault: ApiError };

type Attempt<Answer> = { readonly is: 'answered'; readonly answer: Answer } | Miss;

type WithRecord = { readonly record: IdempotencyRecord | undefined };

type Steps<Read extends WithRecord, Answer> = {
  /** The operation's name in the record of a keyed request. */
  readonly operation: string;
  readonly fingerprint: Fingerprint | undefined;
  /**
   * Reads what the attempt builds on, such as the head. `met` is the head that another request
   * wrote, if the last attempt lost a race.
   */
  readonly read: (met: Head | undefined) => Promise<Read>;
  /** Repeats the answer to the first request with this idempotency key. */
  readonly replay: (own: Fingerprint, record: IdempotencyRecord) => Answer | Promise<Answer>;
  /**
   * Decides what the attempt writes: checks that the request may replace what was read, gets the
   * data keys and seals the values. Throws if the request may not replace it.
   */
  readonly prepare: (read: Read) => Promise<Prepared<Answer> | Miss>;
  /**
   * The codes of errors of `prepare` and of the write that are not thrown at once, but passed to
   * `judgeMiss` as a `fault`.
   */
  readonly faults?: ReadonlySet<ErrorCode>;
  /**
   * Called after each attempt without an answer. Throws if no further attempt may follow. Otherwise
   * resolves to whether this attempt lost a race, for the log.
   */
  readonly judgeMiss: (met: Head | undefined, miss: Miss) => boolean | Promise<boolean>;
};

/**
 * Repeats attempts until one has an answer. Throws `throttled`, and the errors of the steps and of
 * writes.
 */
export const writeUntilAnswered = <Read extends WithRecord, Answer>(
  vault: StoreVault,
  { operation, fingerprint, read, replay, prepare, faults, judgeMiss }: Steps<Read, Answer>,
): Promise<Answer> => {
  const backoff = startBackoff(vault);
  const attemptOnce = async (met: Head | undefined): Promise<Attempt<Answer>> => {
    const seen = await read(met);
    if (fingerprint && seen.record) {
      return { is: 'answered', answer: await replay(fingerprint, seen.record) };
    }
    try {
      const prepared = await prepare(seen);
      return 'is' in prepared ? prepared : await put(prepared);
    } catch (error) {
      if (!(error instanceof ApiError) || !faults?.has(error.code)) throw error;
      return { is: 'fault', fault: error };
    }
  };
  const put = async (prepared: Prepared<Answer>): Promise<Attempt<Answer>> => {
    const { changes, unchanged = [], resolved, answer } = prepared;
    // Without changes and without a record there is nothing to write.
    if (changes.length === 0 && !fingerprint) return { is: 'answered', answer };
    const written = changes.map(({ next }) => next);
    const record = recordOf(vault, operation, fingerprint, written, resolved);
    const result = await writeUntilClear(vault, { changes, unchanged, ...record }, backoff);
    if (result.outcome === 'raced') return { is: 'raced', head: result.head };
    if (result.outcome === 'replayed' && fingerprint) {
      return { is: 'answered', answer: await replay(fingerprint, result.record) };
    }
    for (const change of changes) vault.journal.decided(decisionOf(change), change.next);
    return { is: 'answered', answer };
  };
  const attemptUntilAnswered = async (): Promise<Answer> => {
    let met: Head | undefined;
    for (;;) {
      const attempt = await attemptOnce(met);
      if (attempt.is === 'answered') return attempt.answer;
      met = attempt.is === 'raced' ? attempt.head : undefined;
      if (await judgeMiss(met, attempt)) vault.journal.decided('lost_race');
      if (!(await backoff())) throw throttled();
    }
  };
  return attemptUntilAnswered().catch(async (error: unknown) => {
    const record = fingerprint && (await recordBehind(vault, fingerprint, error));
    if (!record) throw error;
    return await replay(fingerprint, record);
  });
};

const decisionOf = ({ base, next }: Change): Decision => {
  if (next.state === 'deleted') return 'deleted';
  return base?.state === 'stored' ? 'version_written' : 'created';
};
