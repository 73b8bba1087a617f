import { VaultError } from '../model/errors.ts';
import { type Head, isNameVisible } from '../model/types.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { startBackoff, throttled } from './retries.ts';
import { sealNext } from './sealing.ts';
import {
  answerOnce,
  putNext,
  replaySingle,
  type SingleRequest,
  type SingleWrite,
} from './single-write.ts';

export type CreateSecret = SingleRequest & { readonly value: Uint8Array };

/**
 * Stores the first version of a secret, or the next version of a deleted one. Only the store's condition
 * decides, which `guardsOf` in store/guards.ts spells. Throws `forbidden` for a hidden name, without a look-up, `idempotency_key_reused`,
 * `secret_exists`, and the errors of writes and data keys. After an error nothing was stored, except possibly after
 * `outcome_unknown`.
 */
export const createSecret = (ports: Ports) =>
  operation(ports, async (vault, request: CreateSecret): Promise<SingleWrite> => {
    vault.journal.concerns(aboutRequest(request));
    requireAllowed(vault, request.name);
    return await answerOnce(vault, request, () => sealAndPut(vault, request));
  });

/** Throws `forbidden` for a name that the token does not cover. */
export const requireAllowed = ({ principal }: RequestVault, name: string): void => {
  if (isNameVisible(principal.names, name)) return;
  const why = { why: 'name_not_allowed' };
  throw new VaultError('forbidden', 'the token does not allow this name', { why });
};

const sealAndPut = async (vault: RequestVault, request: CreateSecret): Promise<SingleWrite> => {
  const { store, dataKeys, principal, vaultId } = vault;
  const { name, value, note, fingerprint } = request;
  const [record, generated] = await Promise.allSettled([
    fingerprint && store.findRecord(fingerprint.keyHash),
    dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name }),
  ]);
  try {
    if (record.status === 'rejected') throw record.reason;
    if (fingerprint && record.value) return replaySingle(vault, name, fingerprint, record.value);
    if (generated.status === 'rejected') {
      // An existing name is 409 in any state of the master key, so that the same request has the same answer.
      const head = await store.findHead(name);
      if (head?.state === 'stored') throw exists(vault, head);
      throw generated.reason;
    }
    const backoff = startBackoff(vault);
    // The first attempt writes version 1. If a deletion blocks it, the next attempt replaces the deletion.
    let base: Head | undefined;
    for (;;) {
      const next = sealNext(vault, generated.value, { name, base, note }, value);
      const put = await putNext(vault, 'create-secret', fingerprint, { base, next }, backoff);
      if ('answer' in put) return put.answer;
      if (put.blocking.state !== 'deleted') throw exists(vault, put.blocking);
      base = put.blocking;
      if (!(await backoff())) throw throttled();
    }
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};

/** The error of a create that meets this head. */
export const exists = ({ journal }: RequestVault, { name, version }: Head): VaultError => {
  journal.decided('refused_exists', { name });
  const sentence = 'a secret with this name exists; PUT updates it';
  return new VaultError('secret_exists', sentence, { why: { blocking: version } });
};
