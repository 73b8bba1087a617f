/**
 * The vault's items in etcd, for one request. All state is in etcd, so any number of nodes may
 * serve at once. Reads are never stale, and an error says whether a write may have taken effect.
 */
import { times } from '../../functions/model/limits.ts';
import { isAsExpected } from '../../functions/store/expected.ts';
import { type Item, indexPartition } from '../../functions/store/items.ts';
import {
  type Guard,
  type Items,
  type ItemsOf,
  type Judged,
  NotSent,
} from '../../functions/store/ports.ts';
import { callStore, whenAborted } from '../../functions/store/store-call.ts';
import { unitsOf } from '../../functions/store/units.ts';
import type { RequestContext } from '../../functions/vault/request.ts';
import { limitCall } from '../../functions/vault/retries.ts';
import type { KeyValue } from './etcd-client.ts';
import { etcdTimes } from './etcd-times.ts';
import type { Etcd } from './group-commit.ts';
import { createGuardedWrites } from './guarded-writes.ts';
import type { ItemCopy } from './item-copies.ts';
import {
  createNarrowing,
  endOfPrefix,
  type KeyRange,
  keyAfter,
  type RangeNarrowing,
} from './narrow-ranges.ts';
import { indexPrefix, itemKey, parseItem } from './stored-items.ts';

/**
 * Resolves to the reason why the node refuses reads or, for `write`, writes at the moment, or to
 * `undefined` if it serves them. Must not reject.
 */
export type Admission = (kind: 'read' | 'write') => Promise<string | undefined>;

/**
 * Creates the vault's items in etcd. `admit` must answer within `etcdTimes.admitMs`; without it,
 * every request is served.
 */
export const createEtcdItems = (etcd: Etcd, admit?: Admission): ItemsOf => {
  const guarded = createGuardedWrites(etcd);
  const narrow = createNarrowing();
  return (context): Items => {
    const read = <Result>(
      name: string,
      work: (deadline: number) => Promise<Worked<Result>>,
      endByMs: number = times.answerByMs,
    ) => call(context, { name, kind: 'read', endByMs, admit }, work);

    return {
      get: (keys, { attributes } = {}) =>
        read('Get', async (deadline) => {
          const found = await guarded.read(keys, deadline);
          const result = found.map(({ item }) => item && attributesIn(item, attributes));
          return { result, bytes: bytesOf(found) };
        }),

      range: (pk, { from: first, to: last, order, limit }) =>
        read('Range', async (deadline) => {
          const from = itemKey({ pk, sk: first });
          const to = keyAfter(itemKey({ pk, sk: last }));
          const readRange = order === 'asc' ? readForward : readBackward;
          const { kvs } = await readRange({ etcd, narrow }, { from, to }, limit, deadline);
          return { result: kvs.map(({ value }) => parseItem(value)), bytes: bytesIn(kvs) };
        }),

      names: ({ tenant, state }, { text, exact, after }, limit) =>
        read('Names', async (deadline) => {
          const prefix = indexPrefix(indexPartition(tenant, state));
          const range = rangeOfNames(prefix, text, exact, after);
          const { kvs, more } = await readForward({ etcd, narrow }, range, limit, deadline);
          const names = kvs.map(({ value }) => parseItem(value)['name']?.S ?? '');
          return { result: { names, more }, bytes: bytesIn(kvs) };
        }),

      write: (guards) => {
        const write = {
          name: 'Write',
          kind: 'write',
          endByMs: times.attemptsEndMs,
          admit,
        } as const;
        return call(
          context,
          write,
          async (deadline): Promise<Worked<'written' | readonly Judged[]>> => {
            const outcome = await guarded.write(guards.map(writeOf), deadline);
            if (outcome.outcome === 'written') return { result: 'written', bytes: outcome.bytes };
            return { result: judge(guards, outcome.found), bytes: bytesOf(outcome.found) };
          },
        );
      },

      probe: () =>
        read(
          'Probe',
          async (deadline) => {
            await etcd.read([{ key: Buffer.from('table/') }], deadline);
            return { result: { replicated: false }, bytes: 0 };
          },
          context.elapsed() + times.statusCallMs,
        ),
    };
  };
};

const attributesIn = (item: Item, shown: readonly string[] | undefined): Item =>
  shown ? Object.fromEntries(Object.entries(item).filter(([name]) => shown.includes(name))) : item;

/**
 * The keys of the names that begin with `text`, or equal it if `exact`, and come after the name
 * `after`. In a key a name is followed by NUL, and no name contains a character below U+0002.
 */
const rangeOfNames = (
  prefix: string,
  text: string,
  exact: boolean,
  after: string | undefined,
): KeyRange => {
  const first = Buffer.from(`${prefix}${text}`);
  return {
    from: after === undefined ? first : Buffer.from(`${prefix}${after}\u0001`),
    to: exact ? Buffer.from(`${prefix}${text}\u0001`) : endOfPrefix(first),
  };
};

const writeOf = ({ key, expected, put }: Guard) => ({
  key,
  isExpected: (stored: Item | undefined) => isAsExpected(expected, stored),
  change: put ? { put } : ('none' as const),
});

/**
 * Says of each guard of a refused write whether it held, or what was found instead. The item of a
 * guard that only checks is left out, because no caller needs it.
 */
const judge = (guards: readonly Guard[], found: readonly ItemCopy[]): readonly Judged[] =>
  guards.map(({ expected, put }, index) => {
    const item = found[index]?.item;
    if (isAsExpected(expected, item)) return { is: 'held' };
    return { is: 'failed', item: put && item };
  });

type Found = {
  readonly kvs: readonly KeyValue[];
  /** Whether there may be more entries in the range. */
  readonly more: boolean;
};
type Reads = { readonly etcd: Etcd; readonly narrow: RangeNarrowing };

/** Returns the first entries of a range. A long range takes several calls. */
const readForward = async (
  { etcd, narrow }: Reads,
  range: KeyRange,
  limit: number,
  deadline: number,
): Promise<Found> => {
  const kvs: KeyValue[] = [];
  let rest: KeyRange | undefined = range;
  while (rest !== undefined && kvs.length < limit) {
    const { ranges, take } = narrow(rest);
    const left = limit - kvs.length;
    const asked = ranges.map(({ from, to }) => ({ key: from, range_end: to, limit: left }));
    const taken = take(await etcd.read(asked, deadline), left);
    kvs.push(...taken.kvs);
    rest = taken.rest;
  }
  return { kvs, more: rest !== undefined };
};

/**
 * Returns the last entries of a range, the last one first. etcd reads and sorts the whole range,
 * whatever the limit, so the range must be short. Callers pass one with hardly more versions than a
 * page of a history has (`functions/vault/versions.ts`).
 */
const readBackward = async (
  { etcd }: Reads,
  { from, to }: KeyRange,
  limit: number,
  deadline: number,
): Promise<Found> => {
  const request = { key: from, range_end: to, limit, sort_order: 'DESCEND' } as const;
  const [reply] = await etcd.read([request], deadline);
  return { kvs: reply?.kvs ?? [], more: reply?.more ?? false };
};

type Call = {
  readonly name: string;
  readonly kind: 'read' | 'write';
  readonly endByMs: number;
  readonly admit: Admission | undefined;
};
/** The result of a store call, and the total length in bytes of the items that it read or wrote. */
type Worked<Result> = { readonly result: Result; readonly bytes: number };

const bytesOf = (copies: readonly ItemCopy[]): number =>
  copies.reduce((sum, { bytes }) => sum + bytes, 0);
const bytesIn = (kvs: readonly KeyValue[]): number =>
  kvs.reduce((sum, { value }) => sum + value.length, 0);

/** Makes the etcd calls for one store call of a request, and reports it to the journal. */
const call = async <Result>(
  context: RequestContext,
  { name, kind, endByMs, admit }: Call,
  work: (deadline: number) => Promise<Worked<Result>>,
): Promise<Result> => {
  const leftMs = Math.min(times.storeCallMs, endByMs - context.elapsed());
  const deadline = performance.now() + Math.max(1, leftMs - etcdTimes.answerMarginMs);
  const admitted = async (signal: AbortSignal): Promise<Worked<Result>> => {
    const closed = await admit?.(kind);
    if (closed !== undefined) throw notServed(closed);
    signal.throwIfAborted();
    return await work(deadline).catch((error: unknown) => {
      throw failureOf(kind, error);
    });
  };
  return await callStore(context, name, async () => {
    const { result, bytes } = await limitCall(context, times.storeCallMs, endByMs, (signal) =>
      Promise.race([admitted(signal), whenAborted(signal)]),
    );
    return { result, units: unitsOf(bytes) };
  });
};

/**
 * Creates an error with this name. The log line of a request shows the name, and docs/runbook.md
 * explains it.
 */
const named = (name: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { name });

const notServed = (sentence: string, cause?: unknown): NotSent =>
  new NotSent('unavailable', { cause: named('NotServedException', sentence, cause) });

/**
 * Returns the error of a store call whose call to etcd failed. A read never has an effect, so it
 * gets `NotSent`. So does a write, but only if it certainly did not take effect.
 */
const failureOf = (kind: Call['kind'], error: unknown): Error => {
  if (error instanceof NotSent) {
    return notServed('etcd does not accept requests at the moment', error.cause);
  }
  if (kind === 'read') return notServed('etcd does not answer', error);
  return named('InternalServerError', 'the write has no answer yet', error);
};
