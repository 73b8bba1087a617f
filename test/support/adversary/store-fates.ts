/** The faults that a write to the store can meet, except a slow answer, once each. */
import type { Fate } from './fates.ts';

/** Fates after which the caller gets an answer or an error at once. */
export const promptFates: readonly Fate[] = [
  { kind: 'throttled' },
  { kind: 'conflict' },
  { kind: 'in progress' },
  { kind: 'server error', applied: false },
  { kind: 'server error', applied: true },
  { kind: 'dropped', as: 'refused' },
  { kind: 'dropped', as: 'reset' },
  { kind: 'reply lost', as: 'reset' },
  { kind: 'duplicated', shows: 'first' },
  { kind: 'duplicated', shows: 'second' },
];

/** Fates without a reply: the caller waits until it gives up. */
export const silentFates: readonly Fate[] = [
  { kind: 'dropped', as: 'silent' },
  { kind: 'reply lost', as: 'silent' },
  { kind: 'applied late', ms: 1 },
];
