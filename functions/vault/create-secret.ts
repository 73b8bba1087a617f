import { requireCreatable } from './permission.ts';
import { aboutRequest, operation, type Ports } from './request.ts';
import { sealNext, withKeys } from './sealing.ts';
import {
  onlyVersion,
  replaySingle,
  requireNoValue,
  type SingleRequest,
  type SingleWrite,
} from './single-write.ts';
import { writeUntilAnswered } from './write-loop.ts';

export type CreateSecret = SingleRequest & { readonly value: Uint8Array };

/**
 * Stores the first version of a secret, or the next version of a deleted one. Only the store's
 * condition decides whether the name is free (`guardsOf` in store/guards.ts).
 *
 * Throws `forbidden` for a hidden name, without looking it up. Also throws `secret_exists`,
 * `idempotency_key_reused`, and the errors of writes and data keys. After any error except
 * `outcome_unknown`, nothing was stored.
 */
export const createSecret = (ports: Ports) =>
  operation(ports, async (vault, request: CreateSecret): Promise<SingleWrite> => {
    const { store, journal, principal } = vault;
    const { name, value, note, fingerprint } = request;
    journal.concerns(aboutRequest(request));
    requireCreatable(principal, name);
    return await withKeys(vault, (keyOf) =>
      writeUntilAnswered(vault, {
        operation: 'create-secret',
        fingerprint,
        // The first attempt writes version 1. If a deletion is in the way, the next attempt
        // replaces it.
        read: async (met) => {
          if (met) return { base: met, record: undefined };
          const [record] = await Promise.allSettled([
            fingerprint && store.findRecord(fingerprint.keyHash),
            keyOf(name),
          ]);
          if (record.status === 'rejected') throw record.reason;
          return { base: undefined, record: record.value };
        },
        replay: (own, record) => replaySingle(vault, name, own, record),
        prepare: async ({ base }) => {
          const key = await keyOf(name).catch(async (fault: unknown) => {
            // An existing name gets 409 even while the master key is unavailable, so that the same
            // request always gets the same answer.
            requireNoValue(vault, await store.findHead(name));
            throw fault;
          });
          return onlyVersion(base, sealNext(vault, key, { name, base, note }, value));
        },
        // Finding a deletion is not a lost race.
        judgeMiss: (met) => {
          requireNoValue(vault, met);
          return false;
        },
      }),
    );
  });
