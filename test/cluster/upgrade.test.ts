/**
 * Two releases in one cluster: the nodes of the last release run the code of today, and then the last release again, as
 * docs/deploy/machines.md says, while clients write and read.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';
import { openReleased } from '../support/released.ts';
import { untilSeen } from '../support/until.ts';
import { buildChecker, checkHistory } from './chaos/checker.ts';
import { startCrowd } from './chaos/crowd.ts';
import { openHistory } from './chaos/history.ts';
import { settle } from './chaos/settle.ts';
import { openSite, type Site } from './chaos/site.ts';

const today = process.cwd();
const settleMsMax = 60_000;
/** A client that no node serves gives up after half a minute. */
const othersMax = 24;

describe('three nodes of which some run the last release and some the code of today', () => {
  let released: string;
  let folder: string;
  let site: Site;
  beforeAll(async () => {
    released = openReleased();
    folder = freshFolder();
    buildChecker();
    site = await openSite({ folder, network: 'loopback', code: released });
    for (const node of site.nodes.all) site.nodes.start(node);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
  });
  afterAll(async () => {
    await site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * Restarts the nodes with this code, each when all nodes serve, as docs/deploy/machines.md says. The program of the
   * master key of 1.0.0 runs as long as a node needs it.
   */
  const replaceCode = async (code: string): Promise<void> => {
    const { nodes } = site;
    if (code === released) await nodes.startKey(released);
    for (const node of nodes.all) {
      await nodes.stop(node);
      // So the other two, of the other release, have to give it all data.
      if (node === 1) rmSync(nodes.folderOf(node), { recursive: true });
      nodes.useCode(node, code);
      nodes.start(node);
      await untilSeen(
        () => nodes.statuses(node),
        (seen) =>
          seen.length === 3 && seen.every(({ state, lag }) => state === 'serving' && lag < 100),
      );
    }
    if (code === today) await nodes.endKey();
  };

  // Shows G2, G16.
  it.each([
    ['go from the last release to the code of today', () => today, 1],
    ['go back to the last release', () => released, 2],
  ])(
    'answer every request, and rightly, while they %s one after the other',
    async (_, codeOf, seed) => {
      const { nodes } = site;
      let isOver = false;
      const file = join(folder, `history-${seed}.jsonl`);
      const history = openHistory(file);
      const crowd = startCrowd({
        ...{ seed, clients: 4, urls: nodes.all.map(nodes.urlOf), token: nodes.token, history },
        othersMax,
        isOver: () => isOver,
      });
      await replaceCode(codeOf()).finally(() => {
        isOver = true;
      });
      await crowd.ended;
      expect([crowd.unplanned, crowd.refusals()]).toEqual([[], 0]);
      await crowd.readAll();
      await history.close();
      expect(await checkHistory(file, folder)).toMatchObject({ verdict: 'Ok', problems: [] });
    },
  );

  // Shows G16.
  it('hold the same data in the end, in which both releases find nothing wrong', async () => {
    const { nodes } = site;
    expect(await settle(nodes, settleMsMax)).toEqual([]);
    for (const code of [today, released]) {
      const inspect = [process.execPath, join(code, 'local/bin/inspect.ts'), '--verify'];
      const { stdout } = await nodes.run(1, inspect);
      expect(stdout).toMatch(/\nverified the whole table: no violations\n$/);
    }
  });
});
