/**
 * The parts of the story about versions: a deletion on one node, and the history that the other
 * parts have written.
 */
import { create, get, type Request, tallyOf, update, type Version, versionsOf } from './client.ts';
import { all } from './nodes.ts';
import type { Scene } from './telling.ts';

/** The secret to which each part of the story adds a version. */
export const diary = 'DIARY';

/** Deletes a secret, creates it again and destroys an old value, each on a different node. */
export const tellOfDeletion = async ({ title, check, client }: Scene): Promise<void> => {
  const name = 'RETIRED';
  title('Deleted on one node, gone on all of them');
  await client.write(1, create(name, 'first'));
  await client.write(2, update(name, 'second'));
  const deletion: Request = (vault, idempotencyKey) =>
    vault.delete(name, { note: 'nobody needs it', idempotencyKey });
  const deleted = await client.write(3, deletion);
  const reads = await Promise.all(all.map((node) => client.read(node, get(name))));
  const areGone = reads.every(({ outcome }) => outcome === 'not_found');
  check('no node finds it any more', deleted.outcome === 'done' && areGone, tallyOf(reads));
  const again = await client.write(1, create(name, 'again'));
  check('created again it is version 4: no number returns', again.body.version === 4);
  const destroyed = await client.write(2, (vault) => vault.destroy(name, 1));
  const old = await client.read(3, get(name, { version: 1 }));
  const isDestroyed = old.outcome === 'version_destroyed';
  check('its first value is destroyed for ever', destroyed.outcome === 'done' && isDestroyed);
  const { versions = [] } = (await client.read(1, versionsOf(name, { order: 'asc' }))).body;
  const states = versions.map(({ version, state }) => `${version} ${state}`).join(', ');
  check(
    'its history tells all of it, and why',
    states === '1 destroyed, 2 stored, 3 deleted, 4 stored' &&
      versions[2]?.note === 'nobody needs it',
    states,
  );
};

/**
 * Whether each version, oldest first, is valid until the next one begins, and the last one has no
 * end.
 */
const areTiling = (versions: readonly Version[]): boolean =>
  versions.every(({ version, validFrom, validTo }, index) => {
    const next = versions[index + 1];
    const isOrdered = next === undefined || validFrom < next.validFrom;
    return version === index + 1 && validTo === (next?.validFrom ?? null) && isOrdered;
  });

const middleOf = ({ validFrom, validTo }: Version): string => {
  const from = Date.parse(validFrom);
  return new Date((from + Date.parse(validTo ?? validFrom)) / 2).toISOString();
};

/** Prints the history with its intervals, and reads the values of earlier instants. */
export const tellOfHistory = async ({ title, check, note, client }: Scene): Promise<void> => {
  title('The history of one secret');
  const { body } = await client.read(1, versionsOf(diary, { include: 'values', order: 'asc' }));
  const { versions = [] } = body;
  for (const { version, value, validFrom, validTo } of versions) {
    note(`version ${version}  [${validFrom}, ${validTo ?? '...'})`);
    note(`           ${value}`);
  }
  check(
    `its ${versions.length} versions tile time, with no gap`,
    versions.length === 4 && areTiling(versions),
  );
  const asOf = await Promise.all(
    versions.map(async (one) => {
      const reply = await client.read((one.version % 3) + 1, get(diary, { at: middleOf(one) }));
      return reply.body.version === one.version && reply.body.value === one.value;
    }),
  );
  check('each is the one that a read as of its own time finds', asOf.every(Boolean));
};
