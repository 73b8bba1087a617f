/**
 * A hostile DynamoDB and KMS. The adversary stands between clients and services, decides the fate
 * of every call, and checks what the vault sends. dynoxide alone is kinder than AWS: it is strictly
 * serial and has no conflicts, stale reads or throttling. If `choose` draws from a seed, a run can
 * be repeated.
 */
import { aborted, type Fate, meet, type Pause } from './fates.ts';
import type { Random } from './random.ts';
import type { Watch } from './watch.ts';
import { type Call, type Exchange, faultReply, type Reply } from './wire.ts';

/** Chooses the fate of a call; `index` counts all calls from 0. */
export type Choose = (call: Call, index: number) => Fate;

type Met = Pick<Call, 'service' | 'operation'> & { readonly fate: Fate };

export type Adversary = {
  readonly exchange: Exchange;
  /** All calls so far, with their fates. */
  readonly met: readonly Met[];
  /** One sentence for each rule that a call of the vault broke. */
  readonly violations: readonly string[];
  /** Resolves when all calls that are applied late have been applied. */
  readonly settled: () => Promise<void>;
};

type AdversaryParts = {
  readonly choose: Choose;
  readonly pause: Pause;
  readonly random: Random;
  readonly watch: Watch;
};

export const startAdversary = (forward: Exchange, parts: AdversaryParts): Adversary => {
  const met: Met[] = [];
  const violations: string[] = [];
  const underWay = new Set<Promise<unknown>>();
  const later = (work: Promise<unknown>) => {
    const done: Promise<unknown> = work.catch(() => {}).then(() => underWay.delete(done));
    underWay.add(done);
  };
  const world = { ...parts, later };
  const copies = new Map<string, Reply>();
  const limited: Exchange = async (call) => refuseTooLarge(call, await forward(call));
  return {
    met,
    violations,
    settled: async () => {
      await Promise.all(underWay);
    },
    exchange: async (call, signal) => {
      if (signal?.aborted) throw aborted();
      violations.push(...parts.watch(call));
      const fate = parts.choose(call, met.length);
      met.push({ service: call.service, operation: call.operation, fate });
      if (fate.kind === 'stale' && !isConsistent(call)) return staleReply(copies, call);
      const reply = await meet(fate, call, limited, world, signal);
      if (!isConsistent(call) && !copies.has(call.body)) copies.set(call.body, reply);
      return reply;
    },
  };
};

/**
 * Whether the reply to this call must reflect every write that was acknowledged before the call.
 * This is not so only for an eventually consistent `GetItem` or `Query`.
 */
const isConsistent = ({ operation, input }: Call): boolean =>
  !['GetItem', 'Query'].includes(operation) || input['ConsistentRead'] === true;

/**
 * Returns the reply of a replica that lags behind: the first reply to the same read, or an empty
 * one if there was no such read before.
 */
const staleReply = (copies: ReadonlyMap<string, Reply>, call: Call): Reply =>
  copies.get(call.body) ?? {
    status: 200,
    body: call.operation === 'Query' ? '{"Items":[],"Count":0,"ScannedCount":0}' : '{}',
  };

const transactionBytesMax = 4_194_304;

/**
 * Refuses a transaction that reads more than 4 MB, as DynamoDB does. dynoxide does not refuse it.
 */
const refuseTooLarge = (call: Call, reply: Reply): Reply =>
  call.operation === 'TransactGetItems' && (reply.body.length * 3) / 4 > transactionBytesMax
    ? faultReply(400, 'ValidationException')
    : reply;
