/**
 * The items of the vault in etcd, as one request reaches them. All state is in etcd, so any number of nodes may serve at
 * once. No read is stale, and an error says whether a write may have had an effect.
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
import { unitsOf } from '../../functions/store/units.ts';
import type { RequestContext } from '../../functions/vault/request.ts';
import { limitCall } from '../../functions/vault/retries.ts';
import type { KeyValue } from './etcd-client.ts';
import { etcdTimes } from './etcd-times.ts';
import type { Etcd } from './group-commit.ts';
import { createGuardedWrites } from './guarded-writes.ts';
import {
  createNarrowing,
  endOfPrefix,
  type KeyRange,
  keyAfter,
  type RangeNarrowing,
} from './narrow-ranges.ts';
import { isNotSent } from './request-lane.ts';
import { indexPrefix, itemKey, parseItem } from './stored-items.ts';

/** Says in a sentence why requests of a kind are not served now; `undefined`: they are. Must not reject. */
export type Admission = (kind: 'read' | 'write') => Promise<string | undefined>;

/** `admit` answers within `etcdTimes.admitMs`. */
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
          const found = (await guarded.read(keys, deadline)).map(({ item }) => item);
          return { result: found.map((item) => item && attributesIn(item, attributes)), found };
        }),

      range: (pk, { from: first, to: last, order, limit }) =>
        read('Range', async (deadline) => {
          const from = itemKey({ pk, sk: first });
          const to = keyAfter(itemKey({ pk, sk: last }));
          const readRange = order === 'asc' ? readForward : readBackward;
          const { kvs } = await readRange({ etcd, narrow }, { from, to }, limit, deadline);
          const found = kvs.map(({ value }) => parseItem(value));
          return { result: found, found };
        }),

      names: ({ tenant, state }, { text, exact, after }, limit) =>
        read('Names', async (deadline) => {
          const prefix = indexPrefix(indexPartition(tenant, state));
          const range = rangeOfNames(prefix, text, exact, after);
          const { kvs, more } = await readForward({ etcd, narrow }, range, limit, deadline);
          const found = kvs.map(({ value }) => parseItem(value));
          const names = found.map(({ name }) => name?.S ?? '');
          return { result: { names, more }, found };
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
            if (outcome.outcome === 'written') {
              return { result: 'written', found: guards.map(({ put }) => put) };
            }
            const found = outcome.found.map(({ item }) => item);
            return { result: judge(guards, found), found };
          },
        );
      },

      probe: () =>
        read(
          'Probe',
          async (deadline) => {
            await etcd.read([{ key: Buffer.from('table/') }], deadline);
            return { result: { replicated: false }, found: [] };
          },
          context.elapsed() + times.statusCallMs,
        ),
    };
  };
};

const attributesIn = (item: Item, shown: readonly string[] | undefined): Item =>
  shown ? Object.fromEntries(Object.entries(item).filter(([name]) => shown.includes(name))) : item;

/** The keys of names go on with NUL, and no name has a character below U+0002. */
const rangeOfNames = (
  prefix: string,
  text: string,
  exact: boolean,
  after: string | undefined,
): KeyRange => {
  const first = Buffer.from(`${prefix}${text}`);
  const next = after === undefined ? first : Buffer.from(`${prefix}${after}\u0001`);
  return {
    from: first.compare(next) < 0 ? next : first,
    to: exact ? Buffer.from(`${prefix}${text}\u0001`) : endOfPrefix(first),
  };
};

const writeOf = ({ key, expected, put }: Guard) => ({
  key,
  isExpected: (stored: Item | undefined) => isAsExpected(expected, stored),
  change: put ? { put } : ('none' as const),
});

/** Nobody asks for the item that failed a mere check. */
const judge = (guards: readonly Guard[], found: readonly (Item | undefined)[]): readonly Judged[] =>
  guards.map(({ expected, put }, index) => {
    const item = found[index];
    if (isAsExpected(expected, item)) return { is: 'held' };
    return { is: 'failed', item: put && item };
  });

type Found = {
  readonly kvs: readonly KeyValue[];
  /** Others may follow. */
  readonly more: boolean;
};
type Reads = { readonly etcd: Etcd; readonly narrow: RangeNarrowing };

/** The first entries of a range, in several calls if it is long. */
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

/** etcd reads and sorts all of the range, which is never more than a page of versions of a secret. */
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
/** A result, and the items that were read or written for it. */
type Worked<Result> = { readonly result: Result; readonly found: readonly (Item | undefined)[] };

/** Makes the calls to etcd of one call of a request, and reports it to the journal. */
const call = async <Result>(
  context: RequestContext,
  { name, kind, endByMs, admit }: Call,
  work: (deadline: number) => Promise<Worked<Result>>,
): Promise<Result> => {
  let units = 0;
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
  try {
    const { result, found } = await context.storeTime.during(() =>
      limitCall(context, times.storeCallMs, endByMs, (signal) =>
        Promise.race([admitted(signal), whenAborted(signal)]),
      ),
    );
    units = unitsOf(found);
    return result;
  } finally {
    context.journal.called('store', name, units);
  }
};

const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** A line of the log has the name, which docs/runbook.md explains. */
const named = (name: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { name });

const notServed = (sentence: string, cause?: unknown): NotSent =>
  new NotSent('unavailable', { cause: named('NotServedException', sentence, cause) });

/** A read has no effect. A write that may have reached etcd may have one. */
const failureOf = (kind: Call['kind'], error: unknown): Error => {
  if (isNotSent(error)) return notServed('etcd takes no requests now', error);
  if (kind === 'read') return notServed('etcd does not answer', error);
  return named('InternalServerError', 'the write has no answer yet', error);
};
