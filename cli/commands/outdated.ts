import { failure, usage } from '../../system/failures.ts';
import { findOtherSource, readPinnable, requireUsable } from '../files/pinned-files.ts';
import { readFacts, whyUnusable } from '../files/version-facts.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';
import { durationMs, durationText, isLate, type Pin, pinOf, supersededMs } from './pin-states.ts';

export const outdatedCommand = () =>
  vaultCommand(
    'outdated',
    'compare the pinned versions of a file with the current ones, without values',
    `
    dsvault outdated
    dsvault outdated production.env.lock --max-age 90d
    dsvault outdated --json
    `,
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
      const pins = pinned.map(({ name, version = 0 }) => pinOf(facts, name, version));
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
          `${file} differs from ${differsFrom} not only in its pins: dsvault lock makes it again`,
        );
      }
      requireUsable(pinnable, pinned, (reference) => whyUnusable(facts, reference));
      if (late.length === 0) return;
      const names = [...new Set(late.map(({ name }) => name))].join(', ');
      throw failure(`superseded for longer than --max-age: ${names}`, { kind: 'precondition' });
    });

const head = ['NAME', 'PINNED', 'NEWEST', 'STATE', 'BEHIND', 'CREATED BY', 'NOTE'];

/** The author and the note are those of the newest version. */
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
