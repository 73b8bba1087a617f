/**
 * Two releases in one cluster. As docs/deploy/machines.md says, the nodes of an earlier release are
 * upgraded to today's code and then downgraded again, while clients write and read.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';
import { lastRelease, openReleased, programFile } from '../support/released.ts';
import { patienceMs, untilSeen } from '../support/until.ts';
import { buildChecker, checkHistory } from './chaos/checker.ts';
import { startCrowd } from './chaos/crowd.ts';
import { openHistory } from './chaos/history.ts';
import { settle } from './chaos/settle.ts';
import { openSite, type Site } from './chaos/site.ts';

const today = process.cwd();
/** A client gives up if no node has served it for half a minute. */
const othersMax = 24;

describe('three nodes, some on the last release and some on the code of today', () => {
  let released: string;
  let folder: string;
  let site: Site;
  beforeAll(async () => {
    released = await openReleased(lastRelease);
    folder = freshFolder();
    buildChecker();
    site = await openSite({ folder, network: 'loopback', code: released });
    for (const node of site.nodes.all) site.nodes.start(node);
    expect(await settle(site.nodes, patienceMs)).toEqual([]);
  });
  afterAll(async () => {
    await site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * Restarts the nodes with this code as docs/deploy/machines.md says: one at a time, each when
   * all nodes serve.
   */
  const replaceCode = async (code: string): Promise<void> => {
    const { nodes } = site;
    for (const node of nodes.all) {
      await nodes.stop(node);
      // Node 1 has to fetch all data from the other two, which run the other release.
      if (node === 1) rmSync(nodes.folderOf(node), { recursive: true });
      nodes.useCode(node, code);
      nodes.start(node);
      await untilSeen(
        () => nodes.statuses(node),
        (seen) =>
          seen.length === 3 && seen.every(({ state, lag }) => state === 'serving' && lag < 100),
      );
    }
  };

  // Shows G2, G16.
  it.each([
    ['go from that release to the code of today', () => today, 1],
    ['go back to that release', () => released, 2],
  ])(
    'answer every request correctly while they %s, one after the other',
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
  it('have the same data in the end, and both releases find nothing wrong in them', async () => {
    const { nodes } = site;
    expect(await settle(nodes, patienceMs)).toEqual([]);
    for (const code of [today, released]) {
      const inspect = [process.execPath, programFile(code, 'inspect'), '--verify'];
      const { stdout } = await nodes.run(1, inspect);
      expect(stdout).toMatch(/\nverified the whole table: no violations\n$/);
    }
  });
});
