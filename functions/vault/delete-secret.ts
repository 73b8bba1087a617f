import { aboutRequest, type StorePorts, storeOperation } from './request.ts';
import { deleteNext } from './sealing.ts';
import { type Replacement, replaceHead, type SingleWrite } from './single-write.ts';

/**
 * Deletes a secret by storing a next version without a value, on condition that the head it read is
 * still current. No KMS call is made, so deleting works while the master key is unavailable. Throws
 * `not_found` (also if the secret is deleted already), `version_conflict`,
 * `idempotency_key_reused`, `throttled`, and the errors of writes.
 */
export const deleteSecret = (ports: StorePorts) =>
  storeOperation(ports, (vault, request: Replacement): Promise<SingleWrite> => {
    const { name, note } = request;
    vault.journal.concerns(aboutRequest(request));
    return replaceHead(vault, request, 'delete-secret', (base) =>
      deleteNext(vault, { name, base, note }),
    );
  });
