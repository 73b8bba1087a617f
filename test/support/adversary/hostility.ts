/** Draws fates from a random source: which faults can happen to a call, and how often. */
import type { Choose } from './adversary.ts';
import type { Fate } from './fates.ts';
import { oneOf, type Random } from './random.ts';
import type { Call } from './wire.ts';

const silentOrReset = (random: Random) => oneOf(random, ['silent', 'reset', 'reset'] as const);

type Draw = (random: Random) => Fate;

const ofAny: readonly [Draw, ...Draw[]] = [
  (random) => ({ kind: 'slow', ms: random() * 400 }),
  (random) => ({ kind: 'dropped', as: oneOf(random, ['refused', 'reset', 'silent']) }),
  (random) => ({ kind: 'reply lost', as: silentOrReset(random) }),
  (random) => ({ kind: 'server error', applied: random() < 0.5 }),
  () => ({ kind: 'throttled' }),
];
const ofWrites: readonly [Draw, ...Draw[]] = [
  ...ofAny,
  (random) => ({ kind: 'duplicated', shows: oneOf(random, ['first', 'second']) }),
  (random) => ({ kind: 'applied late', ms: random() * 12_000 }),
  () => ({ kind: 'conflict' }),
  (random) => ({ kind: 'reply lost', as: silentOrReset(random) }),
];

const drawsOf: Readonly<Record<string, readonly [Draw, ...Draw[]]>> = {
  PutItem: ofWrites,
  TransactWriteItems: [...ofWrites, () => ({ kind: 'in progress' })],
  TransactGetItems: [...ofAny, () => ({ kind: 'conflict' })],
  BatchGetItem: [...ofAny, () => ({ kind: 'partial' }), () => ({ kind: 'partial' })],
  Query: [...ofAny, (random) => ({ kind: 'torn', ms: random() * 100 }), () => ({ kind: 'stale' })],
};

/** Draws a fault that can happen to this call. */
const drawFault = (random: Random, { operation }: Call): Fate =>
  oneOf(random, drawsOf[operation] ?? ofAny)(random);

/**
 * Returns a function that gives a fault to this share of the calls, from 0 to 1. Of the other
 * eventually consistent reads, half get a stale reply.
 */
export const atRate =
  (random: Random, share: number): Choose =>
  (call) => {
    if (random() < share) return drawFault(random, call);
    return random() < 0.5 ? { kind: 'stale' } : { kind: 'passed' };
  };
