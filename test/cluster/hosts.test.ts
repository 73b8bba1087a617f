/**
 * Three nodes on different hosts, run by docs/deploy.md: what strangers on their network get, and what an operator does
 * to machines, addresses, backups and releases.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../support/until.ts';
import { openTrial, type Trial } from './trial.ts';

const numbers = [1, 2, 3];
/** The namespaces need root on Linux. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('three nodes on three hosts', () => {
  let trial: Trial;
  beforeAll(async () => {
    trial = await openTrial(1);
  }, 120_000);
  afterAll(() => trial.close(), 120_000);

  const run = async (node: number, ...command: readonly string[]): Promise<string> => {
    const ran = await trial.nodes.run(node, command);
    expect(ran).toMatchObject({ code: 0 });
    return ran.stdout;
  };
  const etcdctl = (node: number, ...args: readonly string[]): Promise<string> => {
    const endpoint = `unix://${trial.nodes.folderOf(node)}/etcd.client:1`;
    return run(node, 'etcdctl', `--endpoints=${endpoint}`, ...args);
  };
  const stopAll = async (...nodes: readonly number[]): Promise<void> => {
    for (const node of nodes) await trial.nodes.stop(node);
  };
  const startAll = async (...nodes: readonly number[]): Promise<void> => {
    for (const node of nodes) trial.nodes.start(node);
    await trial.untilServing();
  };

  it('listen beyond loopback only on the port of the vault and the two ports of the nodes', async () => {
    for (const node of numbers) {
      const { host, port, peerHost, etcdPort, peerPort } = trial.nodes.network.placeOf(node);
      const lines = (await run(node, 'ss', '-Hltn')).trim().split('\n');
      const addresses = lines.map((line) => line.split(/\s+/)[3] ?? '');
      expect(addresses.filter((address) => !address.startsWith('127.')).sort()).toEqual(
        [`${host}:${port}`, `${peerHost}:${etcdPort}`, `${peerHost}:${peerPort}`].sort(),
      );
    }
  });

  it.each(['tls', 'plain'])(
    'answer nothing to a stranger without a certificate on the ports of the nodes (%s)',
    async (how) => {
      const { peerHost, etcdPort, peerPort } = trial.nodes.network.placeOf(1);
      for (const port of [etcdPort, peerPort]) {
        const stranger = ['test/cluster/stranger.ts', peerHost, String(port), how];
        const answer = await run(2, process.execPath, ...stranger);
        expect(answer).toMatch(
          /^(HTTP\/1\.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server\.\n)?$/,
        );
      }
    },
  );

  // Shows G2.
  it('lose no acknowledged write while they are restarted one at a time', async () => {
    const { create, read } = trial;
    const names: string[] = [];
    let isDone = false;
    let longestMs = 0;
    const writing = (async () => {
      while (!isDone) {
        const began = performance.now();
        names.push(await create(numbers));
        longestMs = Math.max(longestMs, performance.now() - began);
      }
    })();
    for (const node of numbers) {
      await stopAll(node);
      await startAll(node);
    }
    isDone = true;
    await writing;
    for (const [index, name] of names.entries()) {
      expect(await read((index % 3) + 1, name)).toMatchObject({ status: 200 });
    }
    // An election takes about one second.
    expect(longestMs).toBeLessThan(10_000);
  });

  it('give all data to a new machine with another address than the lost one', async () => {
    const { nodes, create, expectEverywhere, untilServing } = trial;
    const before = await create([1]);
    await nodes.replaceMachine(3, 4);
    await untilServing();
    await expectEverywhere(before);
    await expectEverywhere(await create([3]));
    const members = (await etcdctl(1, 'member', 'list')).trim().split('\n');
    expect(members).toHaveLength(3);
    const { peerHost } = nodes.network.placeOf(4);
    expect(members.filter((line) => line.includes(peerHost))).toHaveLength(1);
  });

  describe('whose data were backed up', () => {
    let backup: string;
    let kept: string;
    let later: string;

    const restoreFrom = (file: string, node: number, ...id: readonly string[]) => {
      const program = ['npm', 'run', '-s', 'node', '--', 'local/bin/restore.ts'];
      return trial.nodes.run(node, [...program, '--backup', file, ...id]);
    };
    const restore = (node: number, ...id: readonly string[]) => restoreFrom(backup, node, ...id);
    beforeAll(() => {
      backup = join(trial.folder, 'vault.db');
    });

    /** Restores these nodes, with one id for all of them. */
    const restoreNodes = async (...nodes: readonly number[]): Promise<void> => {
      let id: readonly string[] = [];
      for (const node of nodes) {
        rmSync(join(trial.nodes.folderOf(node), 'etcd.old'), { recursive: true, force: true });
        const { code, stdout, stderr } = await restore(node, ...id);
        expect([code, stderr]).toEqual([0, '']);
        const [, made = ''] =
          /^node \d has the data of the backup; .* (--id [0-9a-f]{16})\n$/.exec(stdout) ?? [];
        id = made.split(' ');
      }
    };
    /** Node 3 never shows `later`, which is not in the backup, until the work is done. */
    const expectNoOldData = async (work: () => Promise<void>): Promise<void> => {
      let isDone = false;
      const statuses = new Set<number | string>();
      const reading = (async () => {
        while (!isDone) {
          statuses.add((await trial.read(3, later)).status);
          await sleep(50);
        }
      })();
      await work();
      isDone = true;
      await reading;
      expect(statuses).not.toContain(200);
    };
    const expectBackup = async (): Promise<void> => {
      await trial.expectEverywhere(kept);
      for (const node of numbers) expect((await trial.read(node, later)).status).toBe(404);
      await trial.expectEverywhere(await trial.create([3, 1]));
    };

    it('serve while the backup is made', async () => {
      kept = await trial.create([1]);
      await etcdctl(1, 'snapshot', 'save', backup);
      later = await trial.create([2]);
      await trial.expectEverywhere(later);
      expect(existsSync(backup)).toBe(true);
    });

    it('refuse it while they run', async () => {
      const { code, stderr } = await restore(1);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^another vault is using the data folder/);
      expect(await restore(1, '--id', '7')).toMatchObject({ code: 2 });
    });

    it('stay as they were if the file is no backup', async () => {
      await stopAll(1);
      const other = trial.nodes.folderOf(1).replace(/node$/, 'cluster.json');
      for (const [file, sentence] of [
        ['/nowhere', /^there is no file \/nowhere\n$/],
        [other, /^etcd(ctl|utl) cannot restore the backup: .+\n$/],
      ] as const) {
        const { code, stderr } = await restoreFrom(file, 1);
        expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
      }
      await startAll(1);
      await trial.expectEverywhere(later);
    });

    it('serve it after it was restored on all of them', async () => {
      await stopAll(...numbers);
      await restoreNodes(...numbers);
      // The data of before are kept until somebody deletes them.
      const again = await restore(3);
      expect(again).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('etcd.old is there'),
      });
      await startAll(...numbers);
      await expectBackup();
    });

    it('let a node that was left out wait for the others and take their data', async () => {
      const { nodes, create, read, untilServing } = trial;
      later = await create([1]);
      await stopAll(...numbers);
      await restoreNodes(1, 2);
      const before = nodes.saidBy(3).length;
      const said = () => nodes.saidBy(3).slice(before);
      await expectNoOldData(async () => {
        nodes.start(3);
        nodes.start(1);
        const waits = 'node 1 holds the data of another restore than this node';
        await until(() => said().includes(waits), 20_000);
        expect((await read(3, later)).status).toBe(503);
        expect((await read(1, kept)).status).toBe(503);
        nodes.start(2);
        await untilServing();
      });
      expect(said().match(/node 3 serves/g)).toHaveLength(1);
      await expectBackup();
    });

    it('let a node that was left out and kept running end, and then take the data of the others', async () => {
      later = await trial.create([1]);
      await stopAll(1, 2);
      await restoreNodes(1, 2);
      const before = trial.nodes.saidBy(3).length;
      await expectNoOldData(() => startAll(1, 2));
      expect(trial.nodes.saidBy(3).slice(before)).toContain(
        'node 3 stops: node 1 and 2 hold the data of another restore than this node',
      );
      await expectBackup();
    });

    it('give it up if it was restored on one of them only', async () => {
      later = await trial.create([1]);
      await stopAll(...numbers);
      await restoreNodes(3);
      await startAll(...numbers);
      await trial.expectEverywhere(later);
    });
  });
});
