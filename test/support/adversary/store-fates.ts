/** Each fate that a call to the store can have, once. */
import type { Fate } from './fates.ts';

/** The fates that the caller learns at once. */
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

/** The fates without a reply: the caller waits until it gives up. */
export const silentFates: readonly Fate[] = [
  { kind: 'dropped', as: 'silent' },
  { kind: 'reply lost', as: 'silent' },
  { kind: 'applied late', ms: 1 },
];
