import { replaySingle, type SingleWrite, unlessRecorded } from './idempotency.ts';
import { aboutRequest, type StorePorts, type StoreVault, storeOperation } from './request.ts';
import { deleteNext } from './sealing.ts';
import { type Replacing, replaceHead, requireReplaceable } from './update-secret.ts';

export type DeleteSecret = Replacing & { readonly note?: string | undefined };

/**
 * Deletes a secret: stores a next version that has no value, on condition of exactly the head that was read. It calls no
 * KMS, so it works while the master key is out of reach. Throws `not_found` (also for a deleted secret, whatever
 * `ifMatch` says), `version_conflict`, `idempotency_key_reused`, `throttled`, and the errors of writes.
 */
export const deleteSecret = (ports: StorePorts) =>
  storeOperation(ports, (vault, request: DeleteSecret): Promise<SingleWrite> => {
    vault.journal.concerns(aboutRequest(request));
    return unlessRecorded(
      vault,
      request.fingerprint,
      () => readAndDelete(vault, request),
      (fingerprint, record) => replaySingle(vault, request.name, fingerprint, record),
    );
  });

const readAndDelete = async (vault: StoreVault, request: DeleteSecret): Promise<SingleWrite> => {
  const { store } = vault;
  const { name, note, fingerprint } = request;
  // Both answers are awaited before any counts, so that the same faults always get the same answer.
  const [head, record] = await Promise.allSettled([
    store.findHead(name),
    fingerprint && store.findRecord(fingerprint.hash),
  ]);
  if (head.status === 'rejected') throw head.reason;
  if (record.status === 'rejected') throw record.reason;
  if (fingerprint && record.value) return replaySingle(vault, name, fingerprint, record.value);
  const base = requireReplaceable(request, head.value);
  return await replaceHead(vault, { ...request, operation: 'delete-secret' }, base, (found) =>
    deleteNext(vault, { name, base: found, note }),
  );
};
