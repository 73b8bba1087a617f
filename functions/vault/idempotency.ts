/**
 * Repeated requests with an idempotency key. The record of the first request is written in the same
 * transaction as its effect, so neither is ever stored without the other. A repetition is compared
 * with that record until it expires.
 */
import { type Fingerprint, sameBytes } from '../crypto/fingerprint.ts';
import { ApiError, type ErrorCode } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { IdempotencyRecord, VersionRef, WrittenVersion } from '../model/types.ts';
import type { Write } from './ports.ts';
import type { RequestContext, StoreVault } from './request.ts';

/**
 * Returns the record if it belongs to the same request. Throws `idempotency_key_reused` if the key
 * was used for another operation or other content.
 */
export const recordOfSameRequest = (
  { journal }: RequestContext,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): IdempotencyRecord => {
  if (!sameBytes(record.contentHash, fingerprint.contentHash)) {
    journal.decided('idempotency_key_reused');
    const sentence = 'this Idempotency-Key was used for another request';
    throw new ApiError('idempotency_key_reused', sentence);
  }
  journal.decided('replayed', record.written.length === 1 ? record.written[0] : {});
  return record;
};

/**
 * Refusals that a concurrent duplicate of this request may have caused: it may have created,
 * updated or deleted the secret first, and a version that it read may have been destroyed since.
 */
const stateConflicts: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'secret_exists',
  'version_conflict',
  'version_destroyed',
  'not_found',
]);

/**
 * Looks for this request's record again after a refusal. A concurrent duplicate may have written it
 * after the first look-up, and then its answer counts, not the refusal.
 */
export const recordBehind = async (
  { store }: StoreVault,
  { keyHash }: Fingerprint,
  error: unknown,
): Promise<IdempotencyRecord | undefined> =>
  error instanceof ApiError && stateConflicts.has(error.code)
    ? await store.findRecord(keyHash, 'settled')
    : undefined;

/**
 * The record to write together with the effect of a keyed request; empty for a request without a
 * key.
 */
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
