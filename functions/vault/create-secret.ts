import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import {
  type IdempotencyRecord,
  isNameVisible,
  type Principal,
  type WrittenVersion,
} from '../model/types.ts';
import { onlyWritten, recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import type { Ports, RequestContext } from './ports.ts';
import { startBackoff, writeUntilClear } from './retries.ts';
import { sealFirst } from './sealing.ts';

export type CreateSecret = {
  readonly name: string;
  readonly value: Uint8Array;
  readonly fingerprint: Fingerprint | undefined;
};
export type SingleWrite = { readonly version: WrittenVersion; readonly replayed: boolean };

/**
 * Stores the first version of a secret. Only the store's condition decides whether it is the first. Throws `forbidden`
 * (hidden name, decided without a look-up), `idempotency_key_reused`, `secret_exists`, and the errors of writes and
 * data keys. After an error nothing was stored, except possibly after `outcome_unknown`.
 */
export const createSecret =
  (ports: Ports) =>
  async (
    context: RequestContext,
    principal: Principal,
    request: CreateSecret,
  ): Promise<SingleWrite> => {
    if (!isNameVisible(principal.names, request.name)) {
      throw new VaultError('forbidden', 'the token does not allow this name');
    }
    return await unlessRecorded(
      ports.store,
      context,
      principal,
      request.fingerprint,
      () => putFirst(ports, context, principal, request),
      (fingerprint, record) => replay(context, fingerprint, record),
    );
  };

const putFirst = async (
  { store, dataKeys }: Ports,
  context: RequestContext,
  principal: Principal,
  { name, value, fingerprint }: CreateSecret,
): Promise<SingleWrite> => {
  const [found, generated] = await Promise.allSettled([
    fingerprint && store.findRecord(context, principal, fingerprint.hash),
    dataKeys.generate(context, { tenant: principal.tenant, name }),
  ]);
  try {
    if (found.status === 'rejected') throw found.reason;
    if (fingerprint && found.value) return replay(context, fingerprint, found.value);
    if (generated.status === 'rejected') {
      // An existing name is 409 in any state of the master key, so that the same request gets the same answer.
      if (await store.findHead(context, principal, name)) throw exists(context, name);
      throw generated.reason;
    }
    const first = sealFirst(context, principal, generated.value, name, value);
    const record = recordOf(context, 'create-secret', fingerprint, [first]);
    const write = { creates: [first], unchanged: [], ...record };
    const backoff = startBackoff(context);
    const result = await writeUntilClear(context, principal, store, write, backoff);
    if (result.outcome === 'replayed' && fingerprint) {
      return replay(context, fingerprint, result.record);
    }
    if (result.outcome !== 'written') throw exists(context, name);
    context.journal.decided('created', first);
    return { version: first, replayed: false };
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};

/** Repeats the first answer to a request that writes one version. */
export const replay = (
  context: RequestContext,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): SingleWrite => ({
  version: onlyWritten(recordOfSameRequest(context, fingerprint, record)),
  replayed: true,
});

const exists = (context: RequestContext, name: string): VaultError => {
  context.journal.decided('refused_exists', { name });
  return new VaultError('secret_exists', 'a secret with this name exists; PUT updates it');
};
