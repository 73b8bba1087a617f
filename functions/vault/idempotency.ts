/**
 * Repetition of keyed requests. The record of the first request is compared with the present one. The record
 * is written in the same transaction as the effect, so it exists if and only if the effect does.
 */
import { type Fingerprint, sameBytes } from '../crypto/fingerprint.ts';
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { IdempotencyRecord, VersionRef, WrittenVersion } from '../model/types.ts';
import type { Write } from './ports.ts';
import type { RequestContext, StoreVault } from './request.ts';

/**
 * Returns the record if it is of the same request. Throws `idempotency_key_reused` if the key was used for
 * another operation or other content.
 */
export const recordOfSameRequest = (
  { journal }: RequestContext,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): IdempotencyRecord => {
  if (!sameBytes(record.contentHash, fingerprint.contentHash)) {
    journal.decided('idempotency_key_reused');
    const sentence = 'this Idempotency-Key was used for another request';
    throw new VaultError('idempotency_key_reused', sentence);
  }
  journal.decided('replayed', record.written.length === 1 ? record.written[0] : {});
  return record;
};

/**
 * Conflicts with the stored state, which may be the effect of a concurrent duplicate of this request. The
 * duplicate may have created, updated or deleted the secret. A version that it used may be destroyed by now.
 */
const stateConflicts: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'secret_exists',
  'version_conflict',
  'version_destroyed',
  'not_found',
]);

/**
 * Does the work of a request, keyed or not. A conflict may be this request's own duplicate, written after its
 * record was looked for. So the record is looked for again before a refusal, and a record wins.
 */
export const unlessRecorded = async <Answer>(
  { store }: Pick<StoreVault, 'store'>,
  fingerprint: Fingerprint | undefined,
  work: () => Promise<Answer>,
  replay: (fingerprint: Fingerprint, record: IdempotencyRecord) => Answer | Promise<Answer>,
): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (!fingerprint || !(error instanceof VaultError) || !stateConflicts.has(error.code)) {
      throw error;
    }
    const record = await store.findRecord(fingerprint.keyHash, 'settled');
    if (!record) throw error;
    return await replay(fingerprint, record);
  }
};

/** The record to write with the effect of a keyed request; nothing for a request without a key. */
export const recordOf = (
  context: RequestContext,
  operation: string,
  fingerprint: Fingerprint | undefined,
  written: readonly WrittenVersion[],
  resolved: readonly VersionRef[] = [],
): Pick<Write, 'record'> => {
  if (!fingerprint) return {};
  const { keyHash, contentHash } = fingerprint;
  const record = {
    operation,
    writeId: context.writeId,
    contentHash,
    written: written.map(({ name, version, validFrom }) => ({ name, version, validFrom })),
    resolved,
    expiresAt: context.now + times.idempotencyKeptMs,
  };
  return { record: { keyHash, record } };
};
