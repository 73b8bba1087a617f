/**
 * Repetition of keyed requests: the record of what the first one did, judged against the present
 * one. The record is put in the same transaction as the effect, so it exists if and only if the
 * effect does.
 */
import { type Fingerprint, sameDigest } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { IdempotencyRecord, VersionRef, WrittenVersion } from '../model/types.ts';
import type { RequestContext, Write } from './ports.ts';

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
