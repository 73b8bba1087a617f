/**
 * A hostile DynamoDB and KMS. The adversary stands between clients and services, decides the fate of every call, and checks what
 * the vault sends. dynoxide is kinder than AWS: strictly serial, without conflicts, stale reads or
 * throttling. With `choose` from a seed, a run can be repeated.
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
  /** The rules that the vault's calls broke. */
  readonly violations: readonly string[];
  /** Resolves when all late effects are applied. */
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

/** Whether the reply must include everything acknowledged before the call. */
const isConsistent = ({ operation, input }: Call): boolean =>
  !['GetItem', 'Query'].includes(operation) || input['ConsistentRead'] === true;

/** The first reply to the same read, or the reply of an empty replica. */
const staleReply = (copies: ReadonlyMap<string, Reply>, call: Call): Reply =>
  copies.get(call.body) ?? {
    status: 200,
    body: call.operation === 'Query' ? '{"Items":[],"Count":0,"ScannedCount":0}' : '{}',
  };

const transactionBytesMax = 4_194_304;

/** DynamoDB refuses to read more than 4 MB in one transaction; dynoxide does not. */
const refuseTooLarge = (call: Call, reply: Reply): Reply =>
  call.operation === 'TransactGetItems' && (reply.body.length * 3) / 4 > transactionBytesMax
    ? faultReply(400, 'ValidationException')
    : reply;
