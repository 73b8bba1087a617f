import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import { type Head, isNameVisible, type NewVersion } from '../model/types.ts';
import { recordOf, replaySingle, type SingleWrite, unlessRecorded } from './idempotency.ts';
import {
  aboutRequest,
  operation,
  type Ports,
  type RequestVault,
  type StoreVault,
} from './request.ts';
import { outOfTime, retryRaces, startBackoff, writeUntilClear } from './retries.ts';
import { sealNext } from './sealing.ts';
import { notFound } from './versions.ts';

export type UpdateSecret = {
  readonly name: string;
  readonly value: Uint8Array;
  readonly note?: string | undefined;
  /** The versions that the caller accepts to replace; `*` or absent: any version. */
  readonly ifMatch: '*' | readonly number[] | undefined;
  readonly fingerprint: Fingerprint | undefined;
};

/**
 * Stores a new version of an existing secret. Concurrent updates are serialised: an update that loses the race for a
 * version number tries the next number, until its time is over. Throws `not_found`, `version_conflict`,
 * `idempotency_key_reused`, `throttled`, and the errors of writes and data keys.
 *
 * The calls to the store and KMS are the same for every name, and all answers are awaited before any counts. So a
 * missing secret is *not found* even while the master key is out of reach.
 */
export const updateSecret = (ports: Ports) => {
  const runExclusive = createKeyedMutex();
  return operation(ports, (vault, request: UpdateSecret): Promise<SingleWrite> => {
    vault.journal.concerns(aboutRequest(request));
    const { tenant, names } = vault.principal;
    // A request for a hidden name never waits for callers who see the name. The wait would reveal that it exists.
    const isVisible = isNameVisible(names, request.name);
    return runExclusive(`${tenant}#${isVisible}#${request.name}`, () =>
      unlessRecorded(
        vault,
        request.fingerprint,
        () => readAndPut(vault, request),
        (fingerprint, record) => replaySingle(vault, request.name, fingerprint, record),
      ),
    );
  });
};

const readAndPut = async (vault: RequestVault, request: UpdateSecret): Promise<SingleWrite> => {
  const { store, dataKeys, principal, vaultId } = vault;
  const { name, value, note, fingerprint } = request;
  // An update that waited too long could not get a data key any more.
  if (vault.elapsed() >= times.kmsCallsUntilMs) throw outOfTime(vault);
  const [head, record, generated] = await Promise.allSettled([
    store.findHead(name),
    fingerprint && store.findRecord(fingerprint.hash),
    dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name }),
  ]);
  try {
    if (head.status === 'rejected') throw head.reason;
    if (record.status === 'rejected') throw record.reason;
    if (fingerprint && record.value) return replaySingle(vault, name, fingerprint, record.value);
    const base = requireReplaceable(request, head.value);
    if (generated.status === 'rejected') throw generated.reason;
    const dataKey = generated.value;
    return await replaceHead(vault, { ...request, operation: 'update-secret' }, base, (found) =>
      sealNext(vault, dataKey, { name, base: found, note }, value),
    );
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};

/** A request that replaces the current version of a secret. */
export type Replacing = Pick<UpdateSecret, 'name' | 'ifMatch' | 'fingerprint'>;

/**
 * Replaces the head `first`, or the head that another request has written meanwhile, by what `makeNext` makes of it. Tries
 * again after a lost race. Throws `not_found` once the secret is deleted, `version_conflict`, and the errors of writes.
 */
export const replaceHead = (
  vault: StoreVault,
  request: Replacing & { readonly operation: 'update-secret' | 'delete-secret' },
  first: Head,
  makeNext: (base: Head) => NewVersion,
): Promise<SingleWrite> => {
  const { store, journal } = vault;
  const { name, fingerprint, operation: operationName } = request;
  const backoff = startBackoff(vault);
  let blocking: Head | undefined;
  return retryRaces(backoff, async () => {
    // The blocking head is old by now. A base that is read again wins far more often.
    const found = blocking ? ((await store.findHead(name)) ?? blocking) : first;
    const base = requireReplaceable(request, found);
    const next = makeNext(base);
    const record = recordOf(vault, operationName, fingerprint, [next]);
    const write = { changes: [{ base, next }], unchanged: [], ...record };
    const result = await writeUntilClear(vault, write, backoff);
    if (result.outcome === 'written') {
      journal.decided(next.state === 'deleted' ? 'deleted' : 'version_written', next);
      return { version: next, replayed: false };
    }
    if (result.outcome === 'replayed' && fingerprint) {
      return replaySingle(vault, name, fingerprint, result.record);
    }
    if (result.outcome !== 'raced' || !result.head) {
      throw new VaultError('internal', 'the store answered a change with no outcome of one');
    }
    blocking = requireReplaceable(request, result.head);
    journal.decided('lost_race', next);
    return undefined;
  });
};

/** The head, if there is a value to replace and the caller accepts to replace it. */
export const requireReplaceable = (
  { ifMatch }: Pick<Replacing, 'ifMatch'>,
  head: Head | undefined,
): Head => {
  if (!head || head.state === 'deleted') throw notFound();
  if (ifMatch === undefined || ifMatch === '*' || ifMatch.includes(head.version)) return head;
  throw new VaultError('version_conflict', 'the current version is another', {
    members: { currentVersion: head.version },
  });
};

type KeyedMutex = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>;

/**
 * A keyed mutex: works with the same key run one at a time, in the order of arrival. For the writers of one secret it
 * avoids races within this process, which all but one would lose. It does not affect other processes, and it decides
 * nothing, because conditions do.
 */
export const createKeyedMutex = (): KeyedMutex => {
  const lastOf = new Map<string, Promise<void>>();
  return async (key, work) => {
    const before = lastOf.get(key);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    lastOf.set(key, over);
    try {
      await before;
      return await work();
    } finally {
      end();
      if (lastOf.get(key) === over) lastOf.delete(key);
    }
  };
};
