/** A part of the story: a secret is deleted on one node, and so on all of them; its history explains it. */
import { create, get, type Reply, remove, tallyOf, update, versionsOf } from './client.ts';
import type { Scene } from './telling.ts';

const name = 'RETIRED';
const all = [1, 2, 3];

/** Deletes a secret, creates it again and destroys an old value, each on another node. */
export const tellOfDeletion = async ({ title, check, client }: Scene): Promise<void> => {
  title('Deleted on one node, gone on all of them');
  await client.write(1, create(name, 'first'));
  await client.write(2, update(name, 'second'));
  const deleted = await client.write(3, remove(`/v1/secrets/${name}`, 'nobody needs it'));
  const reads = await Promise.all(all.map((node) => client.read(node, get(name))));
  const isGone = (reply: Reply) => reply.status === 404;
  check('no node finds it any more', deleted.status === 200 && reads.every(isGone), tallyOf(reads));
  const again = await client.write(1, create(name, 'again'));
  check('created again it is version 4: no number returns', again.body.version === 4);
  const destroyed = await client.write(2, remove(`/v1/secrets/${name}/versions/1`));
  const old = await client.read(3, get(name, '?version=1'));
  const isDestroyed = old.status === 410 && old.body.code === 'version_destroyed';
  check('its first value is destroyed for ever', destroyed.status === 200 && isDestroyed);
  const { body } = await client.read(1, versionsOf(name, '?order=asc'));
  const told = body.versions?.map(({ version, state }) => `${version} ${state}`).join(', ');
  const note = body.versions?.[2]?.note;
  check(
    'its history tells all of it, and why',
    told === '1 destroyed, 2 stored, 3 deleted, 4 stored' && note === 'nobody needs it',
    told,
  );
};
