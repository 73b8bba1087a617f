import { findPins, replaceParts } from '../../functions/env/pins.ts';
import { type Reference, writtenAs } from '../../functions/env/references.ts';
import { failure, usage } from '../../system/failures.ts';
import { readPinnable, requireUsable } from '../files/pinned-files.ts';
import { pinTo, readFactsOfOneInstant } from '../files/version-facts.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { replaceUnchanged, requireReplaceable } from '../output/private-files.ts';
import { openSession } from '../requests/vault-client.ts';
import { secretName, vaultCommand } from './command-line.ts';

export const bumpCommand = () =>
  vaultCommand(
    'bump',
    'move pins of a file to the current versions, and change nothing else in it',
    'dsvault bump DB_PASSWORD',
    'dsvault bump --all --dry-run',
    'dsvault bump --all -f production.env.lock',
  )
    .argument('[names...]', 'the secrets whose pins move')
    .option('--all', 'move all pins')
    .option('-f, --env-file <file>', 'the file', '.env.lock')
    .option('--dry-run', 'show what would change, and change nothing')
    .action(async (typed, { all, envFile, dryRun, json, ...flags }) => {
      if (typed.length > 0 === (all === true)) throw usage('give names or --all');
      const names = new Set(typed.map(secretName));
      const session = openSession(flags);
      const target = requireReplaceable(envFile);
      const pinnable = await readPinnable(envFile);
      const isMeant = ({ name, version }: Reference) =>
        version !== undefined && (all || names.has(name));
      const meant = pinnable.references.filter(isMeant);
      requirePinned(envFile, names, meant);
      const asked = meant.map((reference) => ({ ...reference, version: undefined }));
      const facts = await readFactsOfOneInstant(session, asked);
      // With --all, the pins of a secret that is deleted or missing stay, the other pins move, and
      // the failure comes at the end.
      if (!all) requireUsable(pinnable, asked, facts);
      const moveFor = (reference: Reference) => {
        const newest = isMeant(reference) ? facts.get(reference.name)?.newest : undefined;
        if (newest?.state !== 'stored') return undefined;
        return { newest, pin: pinTo(newest, reference.anchor !== undefined) };
      };
      const pins = findPins(pinnable.lines, (reference) => moveFor(reference)?.pin);
      const moved = meant.flatMap((reference) => {
        const { name, version: from } = reference;
        const move = moveFor(reference);
        if (!move || writtenAs({ name, ...move.pin }) === writtenAs(reference)) return [];
        const { newest } = move;
        return [{ name, from, to: newest.version, createdBy: newest.createdBy, note: newest.note }];
      });
      const { content } = pinnable;
      if (moved.length > 0 && !dryRun) {
        replaceUnchanged(target, replaceParts(content, pins), content);
      }
      const rows = moved.map((one) => [
        ...[one.name, String(one.from), String(one.to), one.createdBy, one.note ?? ''],
      ]);
      if (json) await printJson({ file: envFile, moved });
      else if (moved.length > 0)
        await printTable(['NAME', 'FROM', 'TO', 'CREATED BY', 'NOTE'], rows);
      requireUsable(pinnable, asked, facts);
      if (!json && moved.length === 0) note(`${envFile} is up to date`);
    });

/**
 * Throws if the file does not pin one of these names. The failure does not repeat the name, because
 * somebody may have typed a value instead.
 */
const requirePinned = (
  file: string,
  names: ReadonlySet<string>,
  references: readonly Reference[],
): void => {
  const found = new Set(references.map(({ name }) => name));
  if ([...names].every((name) => found.has(name))) return;
  throw failure(
    `${file} does not pin one of these names: dsvault outdated lists what a file pins`,
    {
      kind: 'notFound',
    },
  );
};
