/**
 * The guards of a write: one for each item that the write puts or checks, and what it means if another item is stored
 * there. A store returns that item, so this request's own write can be told from another's without another read.
 */
import { VaultError } from '../model/errors.ts';
import type { Head, Principal, StoredVersion } from '../model/types.ts';
import type { Change, Store, Write, WriteOutcome } from '../vault/ports.ts';
import type { RequestContext } from '../vault/request.ts';
import {
  decodeHead,
  decodeRecord,
  encodeHead,
  encodeRecord,
  encodeVersion,
  headSortKey,
  type Item,
  type ItemKey,
  type Owner,
  recordKey,
  secretPartition,
  versionSortKey,
} from './items.ts';
import { outcomeOfChange, outcomeOfRecord } from './outcome.ts';
import type { Expected, Guard, Items, Judged } from './ports.ts';

/** The items, as one request of one caller reaches them. */
export type StoreAccess = {
  readonly items: Items;
  /** The id of the vault that owns the items. */
  readonly vaultId: string;
  readonly context: RequestContext;
  readonly principal: Principal;
};

/** The vault and the tenant whose items the request may read. */
export const ownerOf = ({
  vaultId,
  principal,
}: Pick<StoreAccess, 'vaultId' | 'principal'>): Owner => ({
  vault: vaultId,
  tenant: principal.tenant,
});

/** A guard and the meaning of its failure, kept together so that they cannot drift apart. */
export type RankedGuard = Guard & {
  /**
   * The order in which failed guards count: the record, which may show a repetition, then heads, then the rest. If a
   * guard was left unchecked, later ranks do not count and the write is retried.
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

/** The guards of a write, in the order in which their failures count within a rank. */
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

/** Keeps the replaced head as a superseded version. */
const keepBase = (base: Head, validTo: number): RankedGuard => ({
  key: keyOf(base, false),
  expected: absent,
  put: encodeVersion(base, validTo),
  rank: 'rest',
  outcomeOf: () => {
    throw new VaultError('integrity_failure', 'a version exists beyond the head');
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
        throw new VaultError('integrity_failure', 'the store did not return the stored record');
      return outcomeOfRecord(context.writeId, decodeRecord(stored, key));
    },
  };
};

const ranks: readonly RankedGuard['rank'][] = ['record', 'head', 'rest'];

/** The outcome of a write that a store refused. The first failed guard decides, in the order of the ranks. */
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
  throw new VaultError('internal', 'the store refused a write whose guards all hold');
};
