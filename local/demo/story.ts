/**
 * The story of `npm run demo`: what somebody would try with a vault of three nodes, in one run.
 * Each claim is checked as a user of the API would see it. Start reading at `tellStory`, whose
 * parts are agreement, deletion and history, death, and key.
 */
import { tellOfAgreement } from './agreement.ts';
import { create, createClient, update } from './client.ts';
import { tellOfDeath } from './death.ts';
import { diary, tellOfDeletion, tellOfHistory } from './history.ts';
import { tellOfTheKey } from './key.ts';
import { areAtRest, areServing, type Nodes } from './nodes.ts';
import { createTelling, type Scene } from './telling.ts';

const startLimitMs = 60_000;

/**
 * Tells the story on running nodes. Returns whether every check passed; throws only if the nodes
 * cannot be controlled at all.
 */
export const tellStory = async (nodes: Nodes, say: (line: string) => void): Promise<boolean> => {
  const begun = performance.now();
  const elapsedMs = () => performance.now() - begun;
  const telling = createTelling(say, elapsedMs);
  const client = createClient(nodes.urls, nodes.token);
  let versions = 0;
  const remember = async (line: string): Promise<void> => {
    const request = versions === 0 ? create(diary, line) : update(diary, line, versions);
    await client.write((versions % 3) + 1, request);
    versions += 1;
  };
  const scene: Scene = { ...telling, nodes, client, remember };

  telling.title('Three nodes');
  telling.check('all three nodes serve', await areServing(nodes, startLimitMs));
  await remember('three nodes serve');
  await tellOfAgreement(scene);
  await tellOfDeletion(scene);
  await tellOfDeath(scene);
  await tellOfTheKey(scene);
  await tellOfHistory(scene);
  telling.check('all nodes hold the same in the end', await areAtRest(nodes, startLimitMs));

  const { checks, failed } = telling.counts();
  const { requests, acknowledged } = client.counts();
  const result = failed === 0 ? 'all passed' : `${failed} FAILED`;
  const took = `in ${(elapsedMs() / 1000).toFixed(0)} s`;
  say(
    `\n${checks} checks, ${result}, ${took}: ${requests} requests, ${acknowledged} writes acknowledged`,
  );
  return failed === 0;
};
