/** The steps that create, update and delete share: each of them writes one version of one secret. */
import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import {
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  type WriteRef,
  type WrittenVersion,
} from '../model/types.ts';
import { recordOf, recordOfSameRequest, unlessRecorded } from './idempotency.ts';
import type { Change } from './ports.ts';
import type { StoreVault } from './request.ts';
import { type Backoff, throttled, writeUntilClear } from './retries.ts';
import { absenceOf, isOneOf, notFound } from './versions.ts';

/** A request that writes one version of a secret. */
export type SingleRequest = {
  readonly name: string;
  readonly note?: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
};
export type SingleWrite = {
  readonly version: WrittenVersion & WriteRef;
  readonly replayed: boolean;
};

/** Does the work of a request, unless a concurrent duplicate has done it. Then it repeats that answer. */
export const answerOnce = (
  vault: StoreVault,
  { name, fingerprint }: SingleRequest,
  work: () => Promise<SingleWrite>,
): Promise<SingleWrite> =>
  unlessRecorded(vault, fingerprint, work, (own, record) => replaySingle(vault, name, own, record));

/** Repeats the first answer to a request that writes one version. Throws `not_found` for a hidden name. */
export const replaySingle = (
  vault: StoreVault,
  name: string,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): SingleWrite => {
  if (!isNameVisible(vault.principal.names, name)) throw notFound('hidden');
  const [version] = recordOfSameRequest(vault, fingerprint, record).written;
  if (!version) throw new VaultError('integrity_failure', 'the record names no version');
  return { version: { ...version, writeId: record.writeId }, replayed: true };
};

/** `blocking`: the head that another request has written. */
type PutResult = { readonly answer: SingleWrite } | { readonly blocking: Head };

const decisions = {
  'create-secret': 'created',
  'update-secret': 'version_written',
  'delete-secret': 'deleted',
} as const;

/** Puts the next version of a secret, with the record of a keyed request. Throws the errors of writes. */
export const putNext = async (
  vault: StoreVault,
  operation: keyof typeof decisions,
  fingerprint: Fingerprint | undefined,
  change: Change,
  backoff: Backoff,
): Promise<PutResult> => {
  const { next } = change;
  const record = recordOf(vault, operation, fingerprint, [next]);
  const result = await writeUntilClear(
    vault,
    { changes: [change], unchanged: [], ...record },
    backoff,
  );
  if (result.outcome === 'written') {
    vault.journal.decided(decisions[operation], next);
    return { answer: { version: next, replayed: false } };
  }
  if (result.outcome === 'replayed' && fingerprint) {
    return { answer: replaySingle(vault, next.name, fingerprint, result.record) };
  }
  if (result.outcome === 'raced' && result.head) return { blocking: result.head };
  throw new VaultError('internal', 'the store answered a change with no outcome of one');
};

/** A request that replaces the current version of a secret. */
export type Replacement = SingleRequest & {
  /** The versions that the caller accepts to replace; `*` or absent: any version. */
  readonly ifMatch: '*' | readonly string[] | undefined;
};

/** The head, if there is a value to replace and the caller accepts to replace it. */
export const requireReplaceable = (
  vault: StoreVault,
  { name, ifMatch }: Replacement,
  head: Head | undefined,
): Head => {
  if (!head) throw notFound(absenceOf(vault.principal, name));
  if (head.state === 'deleted') throw notFound('deleted');
  if (ifMatch === undefined || isOneOf(ifMatch, head)) return head;
  throw new VaultError('version_conflict', 'the current version is another', {
    properties: { currentVersion: head.version },
    why: { blocking: head.version },
  });
};

/**
 * Waits after a lost race and reads the head to replace again, because the blocking head is old by then.
 * Throws `not_found` once the secret is deleted, `version_conflict`, `throttled`, and the errors of reads.
 */
export const baseAfterRace = async (
  vault: StoreVault,
  request: Replacement,
  blocking: Head,
  backoff: Backoff,
): Promise<Head> => {
  const { store, journal } = vault;
  requireReplaceable(vault, request, blocking);
  journal.decided('lost_race');
  if (!(await backoff())) throw throttled();
  return requireReplaceable(vault, request, (await store.findHead(request.name)) ?? blocking);
};
