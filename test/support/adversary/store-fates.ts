/** The faults that a write to the store can meet, except a slow answer, once each. */
import type { Fate } from './fates.ts';

type TitledFate = Fate & { readonly title: string };

/** Fates after which the caller gets an answer or an error at once. */
export const promptFates: readonly TitledFate[] = [
  { title: 'throttled', kind: 'throttled' },
  { title: 'refused because of another transaction', kind: 'conflict' },
  { title: 'answered as still in progress', kind: 'in progress' },
  { title: 'answered with a server error and not applied', kind: 'server error', applied: false },
  { title: 'answered with a server error, but applied', kind: 'server error', applied: true },
  { title: 'not sent, as no connection is made', kind: 'dropped', as: 'refused' },
  { title: 'lost with its connection', kind: 'dropped', as: 'reset' },
  { title: 'applied before its connection breaks', kind: 'reply lost', as: 'reset' },
  { title: 'applied twice and answered the first time', kind: 'duplicated', shows: 'first' },
  { title: 'applied twice and answered the second time', kind: 'duplicated', shows: 'second' },
];

/** Fates without a reply: the caller waits until it gives up. */
export const silentFates: readonly TitledFate[] = [
  { title: 'lost without a reply', kind: 'dropped', as: 'silent' },
  { title: 'applied without a reply', kind: 'reply lost', as: 'silent' },
  { title: 'applied late and without a reply', kind: 'applied late', ms: 1 },
];
