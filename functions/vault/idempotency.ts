/**
 * Repetition of keyed requests: the record of what the first one did, judged against the present
 * one. The record is put in the same transaction as the effect, so it exists if and only if the
 * effect does.
 */
import { type Fingerprint, sameDigest } from '../crypto/fingerprint.ts';
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { IdempotencyRecord, Principal, VersionRef, WrittenVersion } from '../model/types.ts';
import type { RequestContext, Store, Write } from './ports.ts';

/**
 * The living record if it is of the same request. Throws `idempotency_key_reused` if the key was
 * used for another operation or other content.
 */
export const judgeRecord = (
  context: RequestContext,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): IdempotencyRecord => {
  if (!sameDigest(record.digest, fingerprint.digest)) {
    context.journal.decided('idempotency_key_reused');
    throw new VaultError(
      'idempotency_key_reused',
      'this Idempotency-Key was used for another request',
    );
  }
  context.journal.decided('replayed', record.written.length === 1 ? record.written[0] : {});
  return record;
};

/** Refusals for what stands, which may be the effect of the same request, sent twice. */
const forWhatStands: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'secret_exists',
  'version_conflict',
]);

/**
 * Does the work of a request, keyed or not. What refuses it was read after its record was looked for; so before it is
 * refused for what stands, the record is looked for once more, and goes before the refusal.
 */
export const unlessRecorded = async <Answer>(
  store: Pick<Store, 'findRecord'>,
  context: RequestContext,
  principal: Principal,
  fingerprint: Fingerprint | undefined,
  work: () => Promise<Answer>,
  replay: (fingerprint: Fingerprint, record: IdempotencyRecord) => Answer | Promise<Answer>,
): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (!fingerprint || !(error instanceof VaultError) || !forWhatStands.has(error.code)) {
      throw error;
    }
    const record = await store.findRecord(context, principal, fingerprint.hash, 'settled');
    if (!record) throw error;
    return await replay(fingerprint, record);
  }
};

/** The record to put with the effect of a keyed request; nothing for one without a key. */
export const recordOf = (
  context: RequestContext,
  operation: string,
  fingerprint: Fingerprint | undefined,
  written: readonly WrittenVersion[],
  resolved: readonly VersionRef[] = [],
): Pick<Write, 'record'> =>
  fingerprint === undefined
    ? {}
    : {
        record: {
          hash: fingerprint.hash,
          record: {
            operation,
            writeId: context.writeId,
            digest: fingerprint.digest,
            written: written.map(({ name, version, validFrom }) => ({ name, version, validFrom })),
            resolved: resolved.map(({ name, version }) => ({ name, version })),
            expiresAt: context.now + times.idempotencyKeptMs,
          },
        },
      };

/** The only version that a record of a single write tells of. */
export const onlyWritten = ({ written: [first] }: IdempotencyRecord): WrittenVersion => {
  if (!first) throw new VaultError('integrity_failure', 'the record tells of no version');
  return first;
};
