import { createKeyedMutex, inQueues } from './keyed-mutex.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { startBackoff } from './retries.ts';
import { sealNext } from './sealing.ts';
import {
  answerOnce,
  baseAfterRace,
  putNext,
  type Replacement,
  replaySingle,
  requireReplaceable,
  type SingleWrite,
} from './single-write.ts';

export type UpdateSecret = Replacement & { readonly value: Uint8Array };

/**
 * Stores a new version of an existing secret. Concurrent updates are serialised: an update that loses the
 * race for a version number tries the next number, until its time is over. Throws `not_found`,
 * `version_conflict`, `idempotency_key_reused`, `throttled`, and the errors of writes and data keys.
 *
 * The calls to the store and KMS are the same for every name, and all answers are awaited before any counts.
 * So a missing secret is *not found* even while the master key is out of reach.
 */
export const updateSecret = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, (vault, request: UpdateSecret): Promise<SingleWrite> => {
    vault.journal.concerns(aboutRequest(request));
    return inQueues(vault, mutex, [request.name], () =>
      answerOnce(vault, request, () => sealAndReplace(vault, request)),
    );
  });

const sealAndReplace = async (vault: RequestVault, request: UpdateSecret): Promise<SingleWrite> => {
  const { store, dataKeys, principal, vaultId } = vault;
  const { name, value, note, fingerprint } = request;
  const [head, record, generated] = await Promise.allSettled([
    store.findHead(name),
    fingerprint && store.findRecord(fingerprint.keyHash),
    dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name }),
  ]);
  try {
    if (head.status === 'rejected') throw head.reason;
    if (record.status === 'rejected') throw record.reason;
    if (fingerprint && record.value) return replaySingle(vault, name, fingerprint, record.value);
    let base = requireReplaceable(vault, request, head.value);
    if (generated.status === 'rejected') throw generated.reason;
    const backoff = startBackoff(vault);
    for (;;) {
      const next = sealNext(vault, generated.value, { name, base, note }, value);
      const put = await putNext(vault, 'update-secret', fingerprint, { base, next }, backoff);
      if ('answer' in put) return put.answer;
      base = await baseAfterRace(vault, request, put.blocking, backoff);
    }
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};
