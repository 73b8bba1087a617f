/** The second part of the story: nodes are killed, first one under load, then the majority. */
import { create, get, once, type Reply, tallyOf, update, versionsOf } from './client.ts';
import { all, areAtRest, areServing, becomesTrue } from './nodes.ts';
import { type Stream, startStream } from './stream.ts';
import type { Scene } from './telling.ts';

const flowLimitMs = 60_000;
const returnLimitMs = 60_000;
/** The longest time within which any request must be answered, even while there is no majority. */
const answerLimitMs = 10_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Kills the leader, which is the worst case for the others, and returns its number. */
const tellOfOneDeath = async (scene: Scene, stream: Stream): Promise<number> => {
  const { title, check, note, nodes } = scene;
  title('A node is killed in the middle of a stream of writes');
  check('the stream flows', await stream.flows(300, flowLimitMs));
  const { nodes: before } = await nodes.status();
  const victim = before.find(({ leader }) => leader)?.node ?? 1;
  const acknowledged = stream.acknowledged();
  stream.reset();
  await nodes.kill(victim);
  note(`node ${victim}, which led, is killed after ${acknowledged} acknowledged writes`);
  check('the others go on: 600 more are acknowledged', await stream.flows(600, flowLimitMs));
  const pauseMs = stream.longestPauseMs();
  check(`the longest pause was ${seconds(pauseMs)}, below 10 s`, pauseMs < answerLimitMs);
  return victim;
};

const tellOfReturn = async (scene: Scene, stream: Stream, victim: number): Promise<void> => {
  const { title, check, note, nodes, remember } = scene;
  title('The node comes back, and the stream still flows');
  const begun = performance.now();
  await nodes.start(victim);
  const isBack = await becomesTrue(returnLimitMs, async () => {
    const { nodes: states } = await nodes.status();
    return states.find(({ node }) => node === victim)?.state === 'serving';
  });
  check(`node ${victim} serves again by itself`, isBack);
  note(`${seconds(performance.now() - begun)} after it was started`);
  check('the stream goes on', await stream.flows(100, flowLimitMs));
  const unclear = await stream.end();
  check(`all ${stream.acknowledged()} writes were acknowledged in the end`, unclear === 0);
  check('all nodes have applied all of it, with one digest', await areAtRest(nodes, returnLimitMs));
  for (const node of all) {
    const lost = await stream.lostOn(node);
    const read = `${stream.secrets()} secrets read on node ${node}`;
    check(`${read}: ${lost} lost an acknowledged write`, lost === 0);
  }
  await remember(`node ${victim} was killed and came back`);
};

const isRefused = ({ outcome }: Reply): boolean =>
  ['store_unavailable', 'outcome_unknown'].includes(outcome);

const tellOfNoMajority = async (scene: Scene): Promise<void> => {
  const { title, check, note, nodes, client, remember } = scene;
  title('Two nodes are killed: no majority');
  await client.write(1, create('ALONE', 'before'));
  await Promise.all([1, 3].map(nodes.kill));
  note('nodes 1 and 3 are killed, node 2 is alone');
  const [newOne, change] = [once(create('ALONE_NEW', 'new')), once(update('ALONE', 'after', 1))];
  const reads = [get('ALONE'), get('ALONE', { version: 1 }), versionsOf('ALONE')];
  // The first round of requests is sent at the moment at which the majority is lost, the second
  // once the loss is known.
  const replies: Reply[] = [];
  for (const round of [
    [newOne, change, ...reads],
    [...reads, once(create('NEVER', 'x'))],
  ]) {
    replies.push(...(await Promise.all(round.map((request) => client.ask(2, request)))));
  }
  const refused = replies.filter(isRefused).length;
  check(
    `${refused} of ${replies.length} reads and writes refused (503), none answered stale`,
    refused === replies.length,
    tallyOf(replies),
  );
  const slowestMs = Math.max(...replies.map(({ ms }) => ms));
  check(`each within 10 s (the slowest ${seconds(slowestMs)})`, slowestMs < answerLimitMs);

  title('The majority comes back');
  for (const node of [1, 3]) await nodes.start(node);
  check('all nodes serve again by themselves', await areServing(nodes, returnLimitMs));
  const made = await client.write(1, newOne);
  const changed = await client.write(3, change);
  check('the refused create, repeated with its key, happened once', made.body.version === 1);
  check('the refused update, repeated with its key, happened once', changed.body.version === 2);
  const { value, version } = (await client.read(2, get('ALONE'))).body;
  check('and is read on the node that was alone', value === 'after' && version === 2);
  check('all nodes hold the same', await areAtRest(nodes, returnLimitMs));
  await remember('two nodes were killed and came back');
};

/** Kills one node, restarts it, and then kills two nodes. */
export const tellOfDeath = async (scene: Scene): Promise<void> => {
  const stream = startStream(scene.client);
  try {
    await tellOfReturn(scene, stream, await tellOfOneDeath(scene, stream));
  } finally {
    await stream.end();
  }
  await tellOfNoMajority(scene);
};
