import type { Head } from '../model/types.ts';
import { createKeyedMutex, inQueues } from './keyed-mutex.ts';
import { aboutRequest, operation, type Ports } from './request.ts';
import { sealNext, withKeys } from './sealing.ts';
import { type Replacement, replaceHead, type SingleWrite } from './single-write.ts';

export type UpdateSecret = Replacement & { readonly value: Uint8Array };

/**
 * Stores a new version of an existing secret. Updates of one secret in this process run one after
 * the other, so they do not race. The store settles races with other processes (`write-loop.ts`).
 * Throws `not_found`, `version_conflict`, `idempotency_key_reused`, `throttled`, and the errors of
 * writes and data keys.
 *
 * Every name causes the same calls to the store and to KMS, and all answers are awaited before any
 * is used. So a missing secret is `not_found` even while the master key is unavailable.
 */
export const updateSecret = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, (vault, request: UpdateSecret): Promise<SingleWrite> => {
    const { name, value, note } = request;
    vault.journal.concerns(aboutRequest(request));
    return inQueues(vault, mutex, [name], () =>
      withKeys(vault, (keyOf) => {
        const seal = async (base: Head) =>
          sealNext(vault, await keyOf(name), { name, base, note }, value);
        return replaceHead(vault, request, 'update-secret', seal, () => keyOf(name));
      }),
    );
  });
