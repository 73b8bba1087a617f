/**
 * The vault's store, on top of items wherever they are kept. Every read that a decision depends on
 * is consistent. A write takes effect only if its guards hold, so only they decide whether
 * something exists, and in which version.
 */
import { ApiError } from '../model/errors.ts';
import type { DestroyedVersion, Head, HeadDetails } from '../model/types.ts';
import type { Store, WriteOutcome } from '../vault/ports.ts';
import type { Ports } from '../vault/request.ts';
import { type Failure, retryCall, throttled } from '../vault/retries.ts';
import {
  decodeDetails,
  decodeHead,
  decodeRecord,
  decodeVersion,
  detailAttributes,
} from './decoding.ts';
import { guardsOf, outcomeOfRefused, ownerOf, type StoreAccess } from './guards.ts';
import {
  encodeVersion,
  headSortKey,
  type Item,
  type ItemKey,
  recordKey,
  secretPartition,
  versionSortKey,
  visiblePartition,
  wholeSeconds,
} from './items.ts';
import { listNames } from './names.ts';
import { outcomeOfChange, outcomeOfRecord } from './outcome.ts';
import { type Guard, type ItemsOf, NotSent } from './ports.ts';

export const createStore = (itemsOf: ItemsOf, vaultId: string): Ports['store'] => ({
  for: (context, principal) => {
    const access = { items: itemsOf(context), vaultId, context, principal };
    const reads = createReads(access);
    return { ...reads, ...createWrites(access, reads) };
  },
});

const failureOf = (error: unknown): Failure =>
  error instanceof NotSent && error.reason === 'throttled'
    ? { kind: 'throttled', error: throttled }
    : {
        kind: 'transient',
        error: () =>
          new ApiError('store_unavailable', 'the store cannot be reached', {
            cause: causeOf(error),
          }),
      };

/**
 * Returns the store's own error. A `NotSent` only says that the call had no effect, so its cause is
 * returned if it has one.
 */
const causeOf = (error: unknown): unknown =>
  error instanceof NotSent ? (error.cause ?? error) : error;

const createReads = (access: StoreAccess): Omit<Store, 'write' | 'destroy' | 'lookUp'> => {
  const { items, context, principal } = access;
  const owner = ownerOf(access);
  const headKey = (name: string) => ({ pk: visiblePartition(principal, name), sk: headSortKey });

  /** Reads, with retries while there is time. Throws `throttled` or `store_unavailable`. */
  const read = <Result>(call: () => Promise<Result>): Promise<Result> =>
    retryCall(context, call, failureOf);

  const getOne = async (key: ItemKey, settled: boolean) =>
    (await read(() => items.get([key], { settled })))[0];

  return {
    async findHead(name) {
      const item = await getOne(headKey(name), false);
      return item && decodeHead(item, owner, name);
    },

    async findVersion(name, version, mode = 'plain') {
      const key = { pk: visiblePartition(principal, name), sk: versionSortKey(version) };
      const item = await getOne(key, mode === 'settled');
      return item && decodeVersion(item, owner, name, version);
    },

    async findHeads(names) {
      const found = await read(() => items.get(names.map(headKey), { settled: true }));
      const heads = new Map<string, Head>();
      for (const [index, name] of names.entries()) {
        const item = found[index];
        if (item) heads.set(name, decodeHead(item, owner, name));
      }
      return heads;
    },

    async listVersions(name, { above, below, order, limit }) {
      const pk = visiblePartition(principal, name);
      const range = { from: versionSortKey(above + 1), to: versionSortKey(below - 1) };
      const found = await read(() => items.range(pk, { ...range, order, limit }));
      return found.map((item) => decodeVersion(item, owner, name, Number(item['version']?.N)));
    },

    listNames: (range) =>
      listNames(principal, range, (...page) => read(() => items.names(...page))),

    /** Names that have no head are left out of the result. */
    async findDetails(names) {
      const details = new Map<string, HeadDetails>();
      if (names.length === 0) return details;
      const keys = names.map((name) => ({
        pk: secretPartition(principal.tenant, name),
        sk: headSortKey,
      }));
      const found = await read(() => items.get(keys, { attributes: detailAttributes }));
      for (const [index, name] of names.entries()) {
        const item = found[index];
        if (item) details.set(name, decodeDetails(item, owner, name));
      }
      return details;
    },

    async findRecord(keyHash, mode = 'plain') {
      const key = recordKey(principal, keyHash);
      const item = await getOne(key, mode === 'settled');
      const record = item && decodeRecord(item, key);
      return record && record.expiresAt >= wholeSeconds(context.now) ? record : undefined;
    },

    probe: () => items.probe(),
  };
};

/**
 * Creates the write functions of the store. They use `reads` to find out whether an unclear write
 * took effect.
 */
export const createWrites = (
  access: StoreAccess,
  reads: Pick<Store, 'findHead' | 'findVersion' | 'findRecord'>,
): Pick<Store, 'write' | 'destroy' | 'lookUp'> => {
  const { items, context } = access;
  const { writeId } = context;
  return {
    async write(write) {
      const guards = guardsOf(access, reads, write);
      const attempted = await items.write(guards).catch(outcomeOfFailure);
      if (attempted === 'written') return { outcome: 'written' };
      return 'outcome' in attempted ? attempted : await outcomeOfRefused(guards, attempted);
    },

    async lookUp({ changes: [change], record }) {
      if (change) {
        const shown = await reads.findHead(change.next.name);
        return await outcomeOfChange(writeId, change, shown, reads);
      }
      if (!record) throw new ApiError('internal', 'a write of nothing');
      return outcomeOfRecord(writeId, await reads.findRecord(record.keyHash));
    },

    async destroy(destroyed, validTo) {
      const guard: Guard = {
        key: {
          pk: secretPartition(destroyed.tenant, destroyed.name),
          sk: versionSortKey(destroyed.version),
        },
        expected: { is: 'write', writeId: destroyed.writeId, state: 'stored' },
        put: encodeVersion(destroyed, validTo),
      };
      const put = async (): Promise<DestroyedVersion> => {
        context.journal.attempted();
        const result = await items.write([guard]);
        if (result === 'written') return destroyed;
        const [judged] = result;
        if (judged?.is === 'unchecked') throw new NotSent('throttled');
        const shown = judged?.is === 'failed' ? judged.item : undefined;
        return decodeDestroyed(access, destroyed, shown);
      };
      return await retryCall(context, put, createFailureOfRepeatable());
    },
  };
};

const outcomeOfFailure = (error: unknown): WriteOutcome => {
  if (error instanceof ApiError) throw error;
  return error instanceof NotSent
    ? { outcome: 'refused', reason: error.reason, cause: causeOf(error) }
    : { outcome: 'unclear', cause: error };
};

/**
 * Decodes the item that made a destruction fail. Throws `integrity_failure` unless it is the same
 * version, already destroyed.
 */
const decodeDestroyed = (
  access: StoreAccess,
  { name, version, writeId }: DestroyedVersion,
  item: Item | undefined,
): DestroyedVersion => {
  const shown = item && decodeVersion(item, ownerOf(access), name, version);
  if (shown?.state === 'destroyed' && shown.writeId === writeId) return shown;
  throw new ApiError('integrity_failure', 'a superseded version is gone or has changed');
};

/**
 * Creates the function that says what a failure of an idempotent write means. After one unclear
 * attempt, every later failure is `outcome_unknown` too.
 */
const createFailureOfRepeatable = () => {
  let unclear = false;
  return (error: unknown): Failure => {
    const failure = failureOf(error);
    unclear ||= !(error instanceof NotSent);
    const unknown = () =>
      new ApiError('outcome_unknown', 'the write may have taken effect', {
        cause: causeOf(error),
      });
    return unclear ? { ...failure, error: unknown } : failure;
  };
};
