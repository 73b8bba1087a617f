import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { isInSight } from '../model/names.ts';
import type { Principal, WrittenVersion } from '../model/types.ts';
import { judgeRecord, onlyWritten, recordOf } from './idempotency.ts';
import type { Ports, RequestContext } from './ports.ts';
import { sealFirst } from './sealing.ts';
import { startBackoff, writeUntilClear } from './tries.ts';

export type CreateSecret = {
  readonly name: string;
  readonly value: Uint8Array;
  readonly fingerprint: Fingerprint | undefined;
};
export type SingleWrite = { readonly version: WrittenVersion; readonly replayed: boolean };

/**
 * Stores the first version of a secret. That it is the first is decided by the store's condition
 * alone. Throws `forbidden` (name out of sight, decided without a look), `idempotency_key_reused`,
 * `secret_exists`, and what writes and data keys throw; then nothing was stored, except as
 * `outcome_unknown` says.
 */
export const createSecret =
  ({ store, dataKeys }: Ports) =>
  async (
    context: RequestContext,
    principal: Principal,
    { name, value, fingerprint }: CreateSecret,
  ): Promise<SingleWrite> => {
    const { tenant } = principal;
    if (!isInSight(principal.names, name)) {
      throw new VaultError('forbidden', 'the token does not allow this name');
    }
    const [found, generated] = await Promise.allSettled([
      fingerprint && store.findRecord(context, principal, fingerprint.hash),
      dataKeys.generate(context, { tenant, name }),
    ]);
    const replay = (record: Parameters<typeof onlyWritten>[0]): SingleWrite => ({
      version: onlyWritten(record),
      replayed: true,
    });
    try {
      if (found.status === 'rejected') throw found.reason;
      if (fingerprint && found.value) {
        return replay(judgeRecord(context, fingerprint, found.value));
      }
      if (generated.status === 'rejected') {
        // An existing name is 409 whatever the key's state: the same request, the same answer.
        if (await store.findHead(context, principal, name)) throw exists(context, name);
        throw generated.reason;
      }
      const first = sealFirst(context, principal, generated.value, name, value);
      const result = await writeUntilClear(
        context,
        principal,
        store,
        {
          creates: [first],
          unchanged: [],
          ...recordOf(context, 'create-secret', fingerprint, [first]),
        },
        startBackoff(context),
      );
      if (result.outcome === 'replayed' && fingerprint) {
        return replay(judgeRecord(context, fingerprint, result.record));
      }
      if (result.outcome !== 'written') throw exists(context, name);
      context.journal.decided('created', first);
      return { version: first, replayed: false };
    } finally {
      if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
    }
  };

const exists = (context: RequestContext, name: string): VaultError => {
  context.journal.decided('refused_exists', { name });
  return new VaultError('secret_exists', 'a secret with this name exists; PUT updates it');
};
