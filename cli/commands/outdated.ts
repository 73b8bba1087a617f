/** `dsvault outdated` shows how far the pins of a file are behind the vault. */
import type { Reference } from '../../functions/env/references.ts';
import { failure, usage } from '../../system/failures.ts';
import { findOtherSource, readPinnable, requireUsable } from '../files/pinned-files.ts';
import {
  type Facts,
  type NewestVersion,
  readFacts,
  type UnusableReason,
  whyUnusable,
} from '../files/version-facts.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

export const outdatedCommand = () =>
  vaultCommand(
    'outdated',
    'compare the pinned versions of a file with the current ones, without values',
    'dsvault outdated',
    'dsvault outdated production.env.lock --max-age 90d',
    'dsvault outdated --json',
  )
    .argument('[file]', 'the file; - is stdin', '.env.lock')
    .option('--max-age <duration>', 'fail if a pin was superseded longer ago, such as 90d or 12h')
    .action(async (file, { maxAge, json, ...flags }) => {
      const maxAgeMs = maxAge === undefined ? Number.POSITIVE_INFINITY : durationMs(maxAge);
      if (maxAgeMs === undefined) throw usage('--max-age is a number with d, h, m or s: 90d');
      const session = openSession(flags);
      const pinnable = await readPinnable(file);
      const pinned = pinnable.references.filter(({ version }) => version !== undefined);
      const facts = await readFacts(session, pinned);
      const now = Date.now();
      const pins = pinned.map((reference) => pinOf(facts, reference));
      const late = pins.filter((pin) => isLate(pin, now, maxAgeMs));
      const unpinned = pinnable.references.flatMap(({ name, version }) => (version ? [] : name));
      const differsFrom = await findOtherSource(pinnable);
      if (json) await printJson({ file, pins: pins.map(documentOf), unpinned, differsFrom });
      else if (pins.length > 0)
        await printTable(
          head,
          pins.map((pin) => rowOf(pin, now)),
        );
      if (!json && unpinned.length > 0) note(`${file} does not pin ${unpinned.join(', ')}`);
      if (!json && differsFrom !== null) {
        note(
          `${file} differs from ${differsFrom} not only in its pins: dsvault lock writes it anew`,
        );
      }
      requireUsable(pinnable, pinned, facts);
      if (late.length === 0) return;
      const names = [...new Set(late.map(({ name }) => name))].join(', ');
      throw failure(`superseded for longer than --max-age: ${names}`, { kind: 'precondition' });
    });

const head = ['NAME', 'PINNED', 'NEWEST', 'STATE', 'BEHIND', 'CREATED BY', 'NOTE'];

/** Returns the row of a pin. The author and the note in it are those of the newest version. */
const rowOf = (pin: Pin, now: number): string[] => {
  const { name, pinned, newest, state } = pin;
  const behindMs = supersededMs(pin, now);
  return [
    ...[name, String(pinned), String(newest?.version ?? '-'), state.replaceAll('_', ' ')],
    ...[behindMs === undefined ? '-' : durationText(behindMs)],
    ...[newest?.createdBy ?? '-', newest?.note ?? ''],
  ];
};

const documentOf = ({ newest, supersededAt, ...pin }: Pin) => {
  const superseded = { supersededAt: supersededAt ?? null };
  if (newest === undefined) return { ...pin, newest: null, ...superseded };
  const { version, state, validFrom, createdBy, note } = newest;
  return { ...pin, newest: { version, state, validFrom, createdBy, note }, ...superseded };
};

/** `deleted`: the secret is deleted, but the pinned version still exists. */
type PinState = 'current' | 'outdated' | 'deleted' | Exclude<UnusableReason, 'secret_deleted'>;

type Pin = {
  readonly name: string;
  readonly pinned: number;
  readonly state: PinState;
  /** The newest version, or the deletion; `undefined` if the token sees no such secret. */
  readonly newest: NewestVersion | undefined;
  /** When the pinned version was superseded, by an update or by a deletion. */
  readonly supersededAt: string | undefined;
};

export const pinOf = (facts: Facts, reference: Reference): Pin => {
  const { name, version = 0 } = reference;
  const secret = facts.get(name);
  return {
    name,
    pinned: version,
    state: stateOf(facts, reference),
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

/**
 * For how long the pinned version has been superseded, in milliseconds; `undefined` if it is
 * current.
 */
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
