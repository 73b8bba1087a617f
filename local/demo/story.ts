/**
 * The story of `npm run demo`: what a person would try with a vault of three nodes, in one run. Each claim is
 * checked as a user of the API would see it. `tellStory` is where to begin reading: agreement, deletion,
 * death, key and history are its parts, and the nodes may be processes (processes.ts) or any others with the
 * operations of nodes.ts.
 */
import { randomBytes } from 'node:crypto';
import { tellOfAgreement } from './agreement.ts';
import { createClient } from './client.ts';
import { tellOfDeath } from './death.ts';
import { tellOfDeletion } from './deletion.ts';
import { createDiary, tellOfHistory } from './history.ts';
import { tellOfTheKey } from './key.ts';
import { isAtRest, isServing, type Nodes } from './nodes.ts';
import { createTelling, type Scene } from './telling.ts';

const startLimitMs = 60_000;

/**
 * Tells the story on a running cluster, with a tenant of its own. Returns whether every check passed; throws
 * only if the cluster cannot be controlled at all.
 */
export const tellStory = async (nodes: Nodes, say: (line: string) => void): Promise<boolean> => {
  const begun = performance.now();
  const elapsedMs = () => performance.now() - begun;
  const telling = createTelling(say, elapsedMs);
  const client = await createClient(nodes, `demo-${randomBytes(4).toString('hex')}`);
  const { remember } = createDiary(client);
  const scene: Scene = { ...telling, nodes, client, remember };

  telling.title('Three nodes');
  telling.check('all three nodes serve', await isServing(nodes, [1, 2, 3], startLimitMs));
  await remember('three nodes serve');
  await tellOfAgreement(scene);
  await tellOfDeletion(scene);
  await tellOfDeath(scene);
  await tellOfTheKey(scene);
  await tellOfHistory(scene);
  telling.check('all nodes hold the same in the end', await isAtRest(nodes, startLimitMs));

  const { checks, failed } = telling.counts();
  const { requests, acknowledged } = client.counts();
  say(
    `\n${checks} checks, ${failed === 0 ? 'all passed' : `${failed} FAILED`}, in ${(elapsedMs() / 1000).toFixed(0)} s: ` +
      `${requests} requests, ${acknowledged} writes acknowledged`,
  );
  return failed === 0;
};
