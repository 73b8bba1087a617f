import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import { isNameVisible, type Principal, type StoredVersion } from '../model/types.ts';
import { replay, type SingleWrite } from './create-secret.ts';
import { recordOf, unlessRecorded } from './idempotency.ts';
import { notFound } from './not-found.ts';
import type { DataKey, Ports, RequestContext } from './ports.ts';
import { outOfTime, startBackoff, throttled, writeUntilClear } from './retries.ts';
import { sealNext } from './sealing.ts';

export type UpdateSecret = {
  readonly name: string;
  readonly value: Uint8Array;
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
  return (
    context: RequestContext,
    principal: Principal,
    request: UpdateSecret,
  ): Promise<SingleWrite> => {
    // A request for a hidden name never waits for callers who see the name. The wait would reveal that it exists.
    const isVisible = isNameVisible(principal.names, request.name);
    return runExclusive(`${principal.tenant}#${isVisible}#${request.name}`, () =>
      unlessRecorded(
        ports.store,
        context,
        principal,
        request.fingerprint,
        () => readAndPut(ports, context, principal, request),
        (fingerprint, record) => replay(context, fingerprint, record),
      ),
    );
  };
};

const readAndPut = async (
  { store, dataKeys }: Ports,
  context: RequestContext,
  principal: Principal,
  request: UpdateSecret,
): Promise<SingleWrite> => {
  const { name, fingerprint } = request;
  // An update that waited too long could not get a data key any more.
  if (context.elapsed() >= times.kmsCallsUntilMs) throw outOfTime(context);
  const [head, record, generated] = await Promise.allSettled([
    store.findHead(context, principal, name),
    fingerprint && store.findRecord(context, principal, fingerprint.hash),
    dataKeys.generate(context, { tenant: principal.tenant, name }),
  ]);
  try {
    if (head.status === 'rejected') throw head.reason;
    if (record.status === 'rejected') throw record.reason;
    if (!isNameVisible(principal.names, name)) throw notFound();
    if (fingerprint && record.value) return replay(context, fingerprint, record.value);
    if (!head.value) throw notFound();
    requireMatch(request.ifMatch, head.value);
    if (generated.status === 'rejected') throw generated.reason;
    return await putNext(store, context, principal, request, head.value, generated.value);
  } finally {
    if (generated.status === 'fulfilled') generated.value.plaintext.fill(0);
  }
};

const putNext = async (
  store: Ports['store'],
  context: RequestContext,
  principal: Principal,
  request: UpdateSecret,
  head: StoredVersion,
  dataKey: DataKey,
): Promise<SingleWrite> => {
  const { name, fingerprint, value, ifMatch } = request;
  const backoff = startBackoff(context);
  let base = head;
  for (;;) {
    const next = sealNext(context, principal, dataKey, base, value);
    const record = recordOf(context, 'update-secret', fingerprint, [next]);
    const write = { creates: [], update: { base, next }, unchanged: [], ...record };
    const result = await writeUntilClear(context, principal, store, write, backoff);
    if (result.outcome === 'written') {
      context.journal.decided('version_written', next);
      return { version: next, replayed: false };
    }
    if (result.outcome === 'replayed' && fingerprint) {
      return replay(context, fingerprint, result.record);
    }
    if (result.outcome !== 'raced' || !result.head) {
      throw new VaultError('internal', 'the store answered an update with no outcome of one');
    }
    requireMatch(ifMatch, result.head);
    context.journal.decided('lost_race', next);
    if (!(await backoff())) throw throttled();
    // The blocking head is old by now. A base that is read again wins far more often.
    base = (await store.findHead(context, principal, name)) ?? result.head;
    requireMatch(ifMatch, base);
  }
};

const requireMatch = (ifMatch: UpdateSecret['ifMatch'], { version }: StoredVersion): void => {
  if (ifMatch === undefined || ifMatch === '*' || ifMatch.includes(version)) return;
  throw new VaultError('version_conflict', 'the current version is another', {
    members: { currentVersion: version },
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
