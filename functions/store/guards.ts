/**
 * The guards of a write: one for each item that it puts or checks, together with what it means if
 * another item is stored there. If a guard fails, the store returns the item that it found, so in
 * most cases a request can tell its own write from another's without a further read.
 */
import { ApiError } from '../model/errors.ts';
import type { Head, Principal, StoredVersion } from '../model/types.ts';
import type { Change, Store, Write, WriteOutcome } from '../vault/ports.ts';
import type { RequestContext } from '../vault/request.ts';
import { decodeHead, decodeRecord, type Owner } from './decoding.ts';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  headSortKey,
  type Item,
  type ItemKey,
  recordKey,
  secretPartition,
  versionSortKey,
} from './items.ts';
import { outcomeOfChange, outcomeOfRecord } from './outcome.ts';
import type { Expected, Guard, Items, Judged } from './ports.ts';

/** The items of the store, with whatever is needed to access them for one request of one caller. */
export type StoreAccess = {
  readonly items: Items;
  readonly vaultId: string;
  readonly context: RequestContext;
  readonly principal: Principal;
};

/**
 * Returns the vault and the tenant whose items the request may read. Decoding refuses all others.
 */
export const ownerOf = ({
  vaultId,
  principal,
}: Pick<StoreAccess, 'vaultId' | 'principal'>): Owner => ({
  vault: vaultId,
  tenant: principal.tenant,
});

/** A guard together with the meaning of its failure, so that the two cannot drift apart. */
export type RankedGuard = Guard & {
  /**
   * Which failed guard decides the outcome: first the record, which may show that this is a
   * repetition, then heads, then the rest. If none of a rank failed but one could not be checked,
   * lower ranks do not count and the write is retried.
   */
  readonly rank: 'record' | 'head' | 'rest';
  /** The outcome of the write if `stored` is there instead of what the guard expects. */
  readonly outcomeOf: (stored: Item | undefined) => Promise<WriteOutcome> | WriteOutcome;
};

const absent = { is: 'absent' } as const;

const exactly = ({ version, writeId, state }: StoredVersion): Expected => ({
  is: 'version',
  ...{ version, writeId, state },
});

/**
 * Returns the guards of a write. If several guards of the same rank fail, the first one in this
 * list decides.
 */
export const guardsOf = (
  access: StoreAccess,
  versions: Pick<Store, 'findVersion'>,
  { changes, unchanged, record }: Write,
): readonly RankedGuard[] => [
  ...(record ? [recordGuard(access, record)] : []),
  ...changes.flatMap((change) => [
    headGuard(access, change, versions),
    ...(change.base ? [keepBase(change.base, change.next.validFrom)] : []),
  ]),
  ...unchanged.map((version) => ({
    key: keyOf(version, version.validTo === undefined),
    expected: exactly(version),
    rank: 'rest' as const,
    outcomeOf: () => ({ outcome: 'raced' }) as const,
  })),
];

const keyOf = (
  { tenant, name, version }: Pick<StoredVersion, 'tenant' | 'name' | 'version'>,
  isHead: boolean,
): ItemKey => ({
  pk: secretPartition(tenant, name),
  sk: isHead ? headSortKey : versionSortKey(version),
});

const headGuard = (
  access: StoreAccess,
  change: Change,
  versions: Pick<Store, 'findVersion'>,
): RankedGuard => ({
  key: keyOf(change.next, true),
  expected: change.base ? exactly(change.base) : absent,
  put: encodeHead(change.next),
  rank: 'head',
  outcomeOf: (stored) => {
    const shown = stored && decodeHead(stored, ownerOf(access), change.next.name);
    return outcomeOfChange(access.context.writeId, change, shown, versions);
  },
});

const keepBase = (base: Head, validTo: number): RankedGuard => ({
  key: keyOf(base, false),
  expected: absent,
  put: encodeVersion(base, validTo),
  rank: 'rest',
  outcomeOf: () => {
    throw new ApiError('integrity_failure', 'a version exists beyond the head');
  },
});

const recordGuard = (
  { context, principal }: StoreAccess,
  { keyHash, record }: NonNullable<Write['record']>,
): RankedGuard => {
  const key = recordKey(principal, keyHash);
  return {
    key,
    expected: { is: 'expired', second: Math.floor(context.now / 1000) },
    put: encodeRecord(key, record),
    rank: 'record',
    outcomeOf: (stored) => {
      if (!stored)
        throw new ApiError('integrity_failure', 'the store did not return the stored record');
      return outcomeOfRecord(context.writeId, decodeRecord(stored, key));
    },
  };
};

const ranks: readonly RankedGuard['rank'][] = ['record', 'head', 'rest'];

/**
 * The outcome of a write that the store refused. The first failed guard decides, in the order of
 * ranks.
 */
export const outcomeOfRefused = async (
  guards: readonly RankedGuard[],
  judged: readonly Judged[],
): Promise<WriteOutcome> => {
  const met = guards.map((guard, index) => ({ guard, judged: judged[index] }));
  for (const rank of ranks) {
    const alike = met.filter(({ guard }) => guard.rank === rank);
    for (const { guard, judged: found } of alike) {
      if (found?.is === 'failed') return await guard.outcomeOf(found.item);
    }
    if (alike.some(({ judged: found }) => found?.is === 'unchecked')) {
      return { outcome: 'refused', reason: 'throttled' };
    }
  }
  throw new ApiError('internal', 'the store refused a write whose guards all hold');
};
