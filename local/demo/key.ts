/**
 * The third part of the story: without the master key no value can be read or written, and nothing
 * else changes.
 */
import { create, get, type Reply, type Request, tallyOf, versionsOf } from './client.ts';
import { all } from './nodes.ts';
import type { Scene } from './telling.ts';

/** Disables the master key and enables it again. */
export const tellOfTheKey = async (scene: Scene): Promise<void> => {
  const { title, check, nodes, client, remember } = scene;
  title('The master key is disabled');
  nodes.setKey('Disabled');
  const askAll = (request: Request) => Promise.all(all.map((node) => client.read(node, request)));
  const reads = await askAll(get('ALONE'));
  const isRefused = ({ outcome }: Reply) => outcome === 'master_key_unavailable';
  check(
    'no node opens a value: 503 master_key_unavailable',
    reads.every(isRefused),
    tallyOf(reads),
  );
  const creates = await askAll(create('KEYLESS', 'value'));
  check('no node seals one, and nothing is stored', creates.every(isRefused), tallyOf(creates));
  const lists = await askAll(versionsOf('ALONE'));
  check(
    'every node still tells the versions',
    lists.every(({ outcome }) => outcome === 'done'),
  );

  title('The master key is enabled');
  nodes.setKey('Enabled');
  const again = await askAll(get('ALONE'));
  check(
    'every node opens the value again',
    again.every(({ body }) => body.value === 'after'),
  );
  const made = await client.write(1, create('KEYLESS', 'value'));
  check('and seals a new one', made.outcome === 'done');
  await remember('the master key was disabled and enabled');
};
