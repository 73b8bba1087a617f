import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { isNameVisible } from '../model/types.ts';
import { recordOf, replaySingle, type SingleWrite, unlessRecorded } from './idempotency.ts';
import { operation, type Ports, type RequestVault } from './request.ts';
import { startBackoff, writeUntilClear } from './retries.ts';
import { sealFirst } from './sealing.ts';

export type CreateSecret = {
  readonly name: string;
  readonly value: Uint8Array;
  readonly fingerprint: Fingerprint | undefined;
};

/**
 * Stores the first version of a secret. Only the store's condition decides whether it is the first (`putFirst` in
 * dynamodb/store.ts). Throws `forbidden` (hidden name, decided without a look-up), `idempotency_key_reused`,
 * `secret_exists`, and the errors of writes and data keys. After an error nothing was stored, except possibly after
 * `outcome_unknown`.
 */
export const createSecret = (ports: Ports) =>
  operation(ports, async (vault, request: CreateSecret): Promise<SingleWrite> => {
    vault.journal.concerns({ name: request.name });
    if (!isNameVisible(vault.principal.names, request.name)) {
      throw new VaultError('forbidden', 'the token does not allow this name');
    }
    return await unlessRecorded(
      vault,
      request.fingerprint,
      () => createFirst(vault, request),
      (fingerprint, record) => replaySingle(vault, fingerprint, record),
    );
  });

const createFirst = async (
  vault: RequestVault,
  { name, value, fingerprint }: CreateSecret,
): Promise<SingleWrite> => {
  const { vaultId, store, dataKeys, principal } = vault;
  const [found, generated] = await Promise.allSettled([
    fingerprint && store.findRecord(fingerprint.hash),
    dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name }),
  ]);
  try {
    if (found.status === 'rejected') throw found.reason;
    if (fingerprint && found.value) return replaySingle(vault, fingerprint, found.value);
    if (generated.status === 'rejected') {
      // An existing name is 409 in any state of the master key, so that the same request gets the same answer.
      if (await store.findHead(name)) throw exists(vault, name);
      throw generated.reason;
    }
    const first = sealFirst(vault, generated.value, name, value);
    const record = recordOf(vault, 'create-secret', fingerprint, [first]);
    const write = { creates: [first], unchanged: [], ...record };
    const result = await writeUntilClear(vault, write, startBackoff(vault));
    if (result.outcome === 'replayed' && fingerprint) {
      return replaySingle(vault, fingerprint, result.record);
    }
    if (result.outcome !== 'written') throw exists(vault, name);
    vault.journal.decided('created', first);
    return { version: first, replayed: false };
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};

const exists = ({ journal }: RequestVault, name: string): VaultError => {
  journal.decided('refused_exists', { name });
  return new VaultError('secret_exists', 'a secret with this name exists; PUT updates it');
};
