/** How far the pins of a file are behind the vault. */

import type { Reference } from '../../functions/env/references.ts';
import {
  type Facts,
  type NewestVersion,
  type Unusable,
  whyUnusable,
} from '../files/version-facts.ts';

/** `deleted`: the secret is deleted, and the pinned version is still there. */
type PinState = 'current' | 'outdated' | 'deleted' | Exclude<Unusable, 'secret_deleted'>;

export type Pin = {
  readonly name: string;
  readonly pinned: number;
  readonly state: PinState;
  /** The newest version, or the deletion; `undefined` if the token sees no such secret. */
  readonly newest: NewestVersion | undefined;
  /** When the pinned version was superseded, by an update or by a deletion. */
  readonly supersededAt: string | undefined;
};

export const pinOf = (facts: Facts, name: string, version: number): Pin => {
  const secret = facts.get(name);
  return {
    name,
    pinned: version,
    state: stateOf(facts, { name, version }),
    newest: secret?.newest,
    supersededAt: secret?.pinned.get(version)?.validTo ?? undefined,
  };
};

const stateOf = (facts: Facts, reference: Reference): PinState => {
  const unusable = whyUnusable(facts, reference);
  if (unusable !== undefined && unusable !== 'secret_deleted') return unusable;
  const newest = facts.get(reference.name)?.newest;
  if (newest?.state === 'deleted') return 'deleted';
  return newest?.version === reference.version ? 'current' : 'outdated';
};

/** For how long the pinned version has been superseded, in milliseconds; `undefined` if it is current. */
export const supersededMs = ({ supersededAt }: Pin, now: number): number | undefined =>
  supersededAt === undefined ? undefined : Math.max(0, now - Date.parse(supersededAt));

/** Whether the pinned version has been superseded for longer than `maxAgeMs`. */
export const isLate = (pin: Pin, now: number, maxAgeMs: number): boolean =>
  (supersededMs(pin, now) ?? -1) > maxAgeMs;

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/** A duration such as `90d`, in milliseconds; `undefined` for any other text. */
export const durationMs = (text: string): number | undefined => {
  const [, digits, unit] = /^(\d{1,5})([dhms])$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * unitsMs[unit as keyof typeof unitsMs];
};

/** A duration in its largest unit, rounded down: `90d`. */
export const durationText = (ms: number): string => {
  const [unit, unitMs] = Object.entries(unitsMs).find(([, one]) => ms >= one) ?? ['s', 1_000];
  return `${Math.floor(ms / unitMs)}${unit}`;
};
