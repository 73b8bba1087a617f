/** What may become of one call between a client and its service. */
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
  /** Applied and answered, `ms` later. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Never applied. `refused`: no connection was made; `reset`: it broke; `silent`: no reply ever comes. */
  | { readonly kind: 'dropped'; readonly as: 'refused' | 'reset' | 'silent' }
  /** Applied, but the reply does not come. */
  | { readonly kind: 'reply lost'; readonly as: 'reset' | 'silent' }
  /** No reply comes, and it is applied `ms` later: perhaps after the caller was answered. */
  | { readonly kind: 'applied late'; readonly ms: number }
  /** Delivered twice; the client sees the one reply or the other. */
  | { readonly kind: 'duplicated'; readonly shows: 'first' | 'second' }
  | { readonly kind: 'throttled' }
  | { readonly kind: 'server error'; readonly applied: boolean }
  /** Met another transaction on one of its items. */
  | { readonly kind: 'conflict' }
  /** Applied, but answered as still under way. */
  | { readonly kind: 'in progress' }
  /** Only where not read consistently: as if a copy answered that nothing has reached for a while. */
  | { readonly kind: 'stale' }
  /** A query that meets writes: each of its items is seen before them or after. */
  | { readonly kind: 'torn'; readonly ms: number }
  /** A fault of KMS, by its type. */
  | { readonly kind: 'key fault'; readonly type: string };

/** How time goes by while a call is under way. Rejects with the signal. */
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
  /** Decides what a fate leaves open. */
  readonly random: Random;
  /** Takes what goes on after the caller has given up. */
  readonly later: (work: Promise<unknown>) => void;
};

/** Meets a call with its fate. */
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
    case 'key fault':
      return faultReply(400, fate.type);
  }
};

/** A transaction is cancelled with a reason for each action, of which one or more met another. */
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

/** Asks twice and mixes: every item as it was before or after what came between, or not there yet. */
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
