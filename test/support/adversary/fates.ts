/** The possible fates of one call between a client and its service. */
import { oneOf, type Random } from './random.ts';
import {
  brokenConnection,
  type Call,
  type Exchange,
  faultReply,
  type Json,
  type Reply,
} from './wire.ts';

export type Fate =
  | { readonly kind: 'passed' }
  /** Applied and answered, after `ms`. */
  | { readonly kind: 'slow'; readonly ms: number }
  /**
   * Never applied. `refused`: no connection was made; `reset`: the connection broke; `silent`: no
   * reply ever comes.
   */
  | { readonly kind: 'dropped'; readonly as: 'refused' | 'reset' | 'silent' }
  /** Applied, but the reply is lost. */
  | { readonly kind: 'reply lost'; readonly as: 'reset' | 'silent' }
  /** Never answered. Applied after `ms`, perhaps after the vault has answered its caller. */
  | { readonly kind: 'applied late'; readonly ms: number }
  /** Applied twice; the client sees the first or the second reply. */
  | { readonly kind: 'duplicated'; readonly shows: 'first' | 'second' }
  | { readonly kind: 'throttled' }
  | { readonly kind: 'server error'; readonly applied: boolean }
  /** Refused because of another transaction on one of its items. */
  | { readonly kind: 'conflict' }
  /** Applied, but answered as still in progress. */
  | { readonly kind: 'in progress' }
  /** Answered by a replica that lags behind. Only eventually consistent reads can be stale. */
  | { readonly kind: 'stale' }
  /** A query that runs during writes: each item is returned as it was before or after them. */
  | { readonly kind: 'torn'; readonly ms: number }
  /** A batch of reads that is answered for some of its keys only. */
  | { readonly kind: 'partial' }
  /** Answered with a KMS error of this type. */
  | { readonly kind: 'key fault'; readonly type: string };

/** Lets time pass during a call. Rejects when the signal aborts. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;

export const aborted = (): Error => Object.assign(new Error('aborted'), { name: 'AbortError' });

/** Waits until the caller gives up. */
const silence = async (pause: Pause, signal: AbortSignal | undefined): Promise<never> => {
  await pause(60_000, signal);
  throw aborted();
};

const isTransaction = (call: Call): boolean => call.operation.startsWith('Transact');

export type World = {
  readonly pause: Pause;
  /**
   * The source of the random choices that some fates leave open, such as which items a batch leaves
   * out.
   */
  readonly random: Random;
  /**
   * Is given the promise of each effect that goes on after the caller has given up, so that it can
   * be awaited later.
   */
  readonly later: (work: Promise<unknown>) => void;
};

export const meet = async (
  fate: Fate,
  call: Call,
  forward: Exchange,
  { pause, random, later }: World,
  signal?: AbortSignal,
): Promise<Reply> => {
  switch (fate.kind) {
    case 'passed':
    case 'stale':
      return await forward(call);
    case 'slow':
      await pause(fate.ms, signal);
      return await forward(call);
    case 'dropped':
      if (fate.as === 'silent') return await silence(pause, signal);
      throw brokenConnection(fate.as === 'refused' ? 'ECONNREFUSED' : 'ECONNRESET');
    case 'reply lost':
      await forward(call);
      if (fate.as === 'silent') return await silence(pause, signal);
      throw brokenConnection('ECONNRESET');
    case 'applied late':
      later(pause(fate.ms).then(() => forward(call)));
      return await silence(pause, signal);
    case 'duplicated': {
      const first = await forward(call);
      const second = await forward(call);
      return fate.shows === 'first' ? first : second;
    }
    case 'throttled':
      return faultReply(400, 'ThrottlingException');
    case 'server error':
      if (fate.applied) await forward(call);
      return faultReply(
        500,
        call.service === 'kms' ? 'KMSInternalException' : 'InternalServerError',
      );
    case 'conflict':
      return conflictOf(call, random);
    case 'in progress':
      await forward(call);
      return faultReply(400, 'TransactionInProgressException');
    case 'torn':
      return await tornQuery(fate.ms, call, forward, { pause, random }, signal);
    case 'partial':
      return partialBatch(await forward(call), random);
    case 'key fault':
      return faultReply(400, fate.type);
  }
};

/**
 * Refuses a call because of a conflict. A cancelled transaction lists a reason for each of its
 * actions. At least one of them is a conflict.
 */
const conflictOf = (call: Call, random: Random): Reply => {
  if (!isTransaction(call)) return faultReply(400, 'TransactionConflictException');
  const actions = call.input['TransactItems'] as readonly unknown[];
  const met = Math.floor(random() * actions.length);
  const CancellationReasons = actions.map((_, index) => ({
    Code: index === met || random() < 0.2 ? 'TransactionConflict' : 'None',
  }));
  return faultReply(400, 'TransactionCanceledException', { CancellationReasons });
};

type QueryReply = { readonly Items: readonly Json[] };
const keyOf = (item: Json): string => JSON.stringify([item['pk'], item['sk']]);

type BatchReply = { readonly Responses?: Readonly<Record<string, readonly Json[]>> };

/**
 * Leaves items out of the reply and reports their keys as unprocessed. Keeps at least one item, as
 * DynamoDB does.
 */
const partialBatch = (reply: Reply, random: Random): Reply => {
  const { Responses, ...told }: BatchReply = JSON.parse(reply.body);
  const [[table = '', items = []] = []] = Object.entries(Responses ?? {});
  const kept = items.filter((_, index) => index === 0 || random() < 0.5);
  const left = items.filter((item) => !kept.includes(item));
  if (left.length === 0) return reply;
  const Keys = left.map(({ pk, sk }) => ({ pk, sk }));
  const UnprocessedKeys = { [table]: { Keys, ConsistentRead: true } };
  const body = JSON.stringify({ ...told, Responses: { [table]: kept }, UnprocessedKeys });
  return { status: 200, body };
};

/**
 * Sends the query twice, before and after a pause, and mixes the replies: each item is as it was
 * before or after the pause, and an item that is new after it may be missing.
 */
const tornQuery = async (
  ms: number,
  call: Call,
  forward: Exchange,
  { pause, random }: Pick<World, 'pause' | 'random'>,
  signal?: AbortSignal,
): Promise<Reply> => {
  const before = await forward(call);
  await pause(ms, signal);
  const after = await forward(call);
  if (before.status !== 200 || after.status !== 200) return after;
  const { Items: old } = JSON.parse(before.body) as QueryReply;
  const reply = JSON.parse(after.body) as QueryReply;
  const was = new Map(old.map((item) => [keyOf(item), item]));
  const Items = reply.Items.flatMap((item) =>
    oneOf(random, [item, was.get(keyOf(item)) ?? []] as const),
  );
  return { status: 200, body: JSON.stringify({ ...reply, Items }) };
};
