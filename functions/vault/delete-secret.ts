import { aboutRequest, type StorePorts, type StoreVault, storeOperation } from './request.ts';
import { startBackoff } from './retries.ts';
import { deleteNext } from './sealing.ts';
import {
  answerOnce,
  baseAfterRace,
  putNext,
  type Replacement,
  replaySingle,
  requireReplaceable,
  type SingleWrite,
} from './single-write.ts';

/**
 * Deletes a secret: stores a next version that has no value, on condition of exactly the head that was read.
 * A deletion works while the master key is out of reach, because it calls no KMS. Throws `not_found` (also
 * for a deleted secret), `version_conflict`, `idempotency_key_reused`, `throttled`, and the errors of writes.
 */
export const deleteSecret = (ports: StorePorts) =>
  storeOperation(ports, (vault, request: Replacement): Promise<SingleWrite> => {
    vault.journal.concerns(aboutRequest(request));
    return answerOnce(vault, request, () => replaceByDeletion(vault, request));
  });

const replaceByDeletion = async (vault: StoreVault, request: Replacement): Promise<SingleWrite> => {
  const { store } = vault;
  const { name, note, fingerprint } = request;
  // Both answers are awaited before any counts, so that the same faults always get the same answer.
  const [head, record] = await Promise.allSettled([
    store.findHead(name),
    fingerprint && store.findRecord(fingerprint.keyHash),
  ]);
  if (head.status === 'rejected') throw head.reason;
  if (record.status === 'rejected') throw record.reason;
  if (fingerprint && record.value) return replaySingle(vault, name, fingerprint, record.value);
  let base = requireReplaceable(vault, request, head.value);
  const backoff = startBackoff(vault);
  for (;;) {
    const next = deleteNext(vault, { name, base, note });
    const put = await putNext(vault, 'delete-secret', fingerprint, { base, next }, backoff);
    if ('answer' in put) return put.answer;
    base = await baseAfterRace(vault, request, put.blocking, backoff);
  }
};
