/**
 * Three nodes on different hosts, run by docs/deploy.md: what strangers on their network get, and what an operator does
 * to machines, addresses, backups and releases.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Hosts, openHosts } from '../support/hosts.ts';
import { until } from '../support/until.ts';

const numbers = [1, 2, 3];
/** The namespaces need root on Linux. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

let hosts: Hosts;
let count = 0;

/** Creates a secret on the first of these nodes that acknowledges it. Returns its name. */
const write = async (...nodes: readonly number[]): Promise<string> => {
  count += 1;
  const body = { name: `N${count}`, value: `value of N${count}` };
  const key = randomUUID();
  await until(async () => {
    for (const node of nodes) {
      const { status } = await hosts.ask(node, 'POST', '/v1/secrets', { body, key });
      if (status === 201) return true;
    }
    return false;
  }, 30_000);
  return body.name;
};
const read = (node: number, name: string) => hosts.ask(node, 'GET', `/v1/secrets/${name}`);
const expectEverywhere = async (name: string): Promise<void> => {
  for (const node of numbers) {
    expect(await read(node, name)).toMatchObject({
      status: 200,
      body: { value: `value of ${name}` },
    });
  }
};
const run = async (node: number, ...command: readonly string[]): Promise<string> => {
  const ran = await hosts.run(node, command);
  expect(ran).toMatchObject({ code: 0 });
  return ran.stdout;
};
const etcdctl = (node: number, ...args: readonly string[]): Promise<string> =>
  run(node, 'etcdctl', `--endpoints=unix://${hosts.folderOf(node)}/etcd.client:1`, ...args);
const restore = (node: number, ...args: readonly string[]) =>
  hosts.run(node, ['npm', 'run', '-s', 'restore', '--', ...args]);

describeAsRoot('three nodes on three hosts', () => {
  beforeAll(async () => {
    hosts = await openHosts();
    for (const node of numbers) hosts.start(node);
    await hosts.untilAllServe();
  });
  afterAll(async () => {
    await hosts.close();
  });

  it('serve at each node what was created at another one', async () => {
    for (const node of numbers) await expectEverywhere(await write(node));
  });

  it('listen beyond loopback only on the port of the vault and the two ports of the nodes', async () => {
    for (const node of numbers) {
      const { host, port, peerHost, etcdPort, peerPort } = hosts.network.placeOf(node);
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
      const { peerHost, etcdPort, peerPort } = hosts.network.placeOf(1);
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
    const names: string[] = [];
    let isDone = false;
    let longestMs = 0;
    const writing = (async () => {
      while (!isDone) {
        const began = performance.now();
        names.push(await write(...numbers));
        longestMs = Math.max(longestMs, performance.now() - began);
      }
    })();
    for (const node of numbers) {
      await hosts.stop(node);
      hosts.start(node);
      await hosts.untilAllServe();
    }
    isDone = true;
    await writing;
    for (const [index, name] of names.entries()) {
      expect(await read((index % 3) + 1, name)).toMatchObject({ status: 200 });
    }
    // An election takes about one second.
    expect(longestMs).toBeLessThan(10_000);
  });

  it('give all data to a new machine with the address of a lost one', async () => {
    const before = await write(1);
    await hosts.stop(3, 'SIGKILL');
    hosts.empty(3);
    const meanwhile = await write(1, 2);
    hosts.copyClusterFile(3);
    hosts.start(3);
    await hosts.untilAllServe();
    await expectEverywhere(before);
    await expectEverywhere(meanwhile);
  });

  it('give all data to a new machine with another address than the lost one', async () => {
    const before = await write(1);
    await hosts.stop(3, 'SIGKILL');
    hosts.empty(3);
    hosts.move(3, 4);
    await hosts.endKey();
    await hosts.startKey();
    for (const node of numbers) hosts.copyClusterFile(node);
    for (const node of [1, 2]) {
      await hosts.stop(node);
      hosts.start(node);
      await until(async () => (await read(node, before)).status === 200, 30_000);
    }
    hosts.start(3);
    await hosts.untilAllServe();
    await expectEverywhere(before);
    await expectEverywhere(await write(3));
    const members = (await etcdctl(1, 'member', 'list')).trim().split('\n');
    expect(members).toHaveLength(3);
    expect(members.filter((line) => line.includes(hosts.network.placeOf(4).peerHost))).toHaveLength(
      1,
    );
  });
});

describeAsRoot('a backup of three nodes on three hosts', () => {
  let backup: string;
  let kept: string;
  let later: string;

  beforeAll(async () => {
    hosts = await openHosts();
    for (const node of numbers) hosts.start(node);
    await hosts.untilAllServe();
    backup = join(dirname(dirname(hosts.folderOf(1))), 'vault.db');
  });
  afterAll(async () => {
    await hosts.close();
  });

  /** Restores these nodes, with one id for all of them. */
  const restoreNodes = async (...nodes: readonly number[]): Promise<void> => {
    let id: readonly string[] = [];
    for (const node of nodes) {
      rmSync(join(hosts.folderOf(node), 'etcd.old'), { recursive: true, force: true });
      const { code, stdout, stderr } = await restore(node, '--backup', backup, ...id);
      expect([code, stderr]).toEqual([0, '']);
      const [, made = ''] =
        /^node \d has the data of the backup; .* (--id [0-9a-f]{16})\n$/.exec(stdout) ?? [];
      id = made.split(' ');
    }
  };
  /** Node 3 never shows `later`, which is not in the backup, until the work is done. */
  const expectNoOldData = async (work: () => Promise<void>): Promise<void> => {
    let isDone = false;
    const statuses = new Set<number>();
    const reading = (async () => {
      while (!isDone) {
        statuses.add((await read(3, later)).status);
        await sleep(50);
      }
    })();
    await work();
    isDone = true;
    await reading;
    expect(statuses).not.toContain(200);
  };
  const expectBackup = async (): Promise<void> => {
    await expectEverywhere(kept);
    for (const node of numbers) expect((await read(node, later)).status).toBe(404);
    await expectEverywhere(await write(3, 1));
  };

  it('is made while the nodes serve', async () => {
    kept = await write(1);
    await etcdctl(1, 'snapshot', 'save', backup);
    later = await write(2);
    await expectEverywhere(later);
    expect(existsSync(backup)).toBe(true);
  });

  it('is refused by a node that runs', async () => {
    const { code, stderr } = await restore(1, '--backup', backup);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^another vault is using the data folder/);
    expect(await restore(1, '--backup', backup, '--id', '7')).toMatchObject({ code: 2 });
  });

  it('leaves a node as it was if the file is no backup', async () => {
    await hosts.stop(1);
    const cases = [
      ['/nowhere', /^there is no file \/nowhere\n$/],
      [
        hosts.folderOf(1).replace(/node$/, 'cluster.json'),
        /^etcd(ctl|utl) cannot restore the backup: .+\n$/,
      ],
    ] as const;
    for (const [file, sentence] of cases) {
      const { code, stderr } = await restore(1, '--backup', file);
      expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
    }
    hosts.start(1);
    await hosts.untilAllServe();
    await expectEverywhere(later);
  });

  it('is served by all nodes after it was restored on all of them', async () => {
    for (const node of numbers) await hosts.stop(node);
    await restoreNodes(...numbers);
    // The data of before are kept until somebody deletes them.
    const again = await restore(3, '--backup', backup);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('etcd.old is there') });
    for (const node of numbers) hosts.start(node);
    await hosts.untilAllServe();
    await expectBackup();
  });

  it('reaches a node that was left out: it waits for the others and takes their data', async () => {
    later = await write(1);
    for (const node of numbers) await hosts.stop(node);
    await restoreNodes(1, 2);
    await expectNoOldData(async () => {
      hosts.start(3);
      hosts.start(1);
      const waits = 'node 1 holds the data of another restore than this node';
      await until(() => hosts.linesOf(3).some((line) => line.includes(waits)), 20_000);
      expect((await read(3, later)).status).toBe(503);
      expect((await read(1, kept)).status).toBe(503);
      hosts.start(2);
      await hosts.untilAllServe();
    });
    expect(hosts.linesOf(3).filter((line) => line.includes('node 3 serves'))).toHaveLength(1);
    await expectBackup();
  });

  it('reaches a node that was left out and kept running: it ends, and then takes the data of the others', async () => {
    later = await write(1);
    for (const node of [1, 2]) await hosts.stop(node);
    await restoreNodes(1, 2);
    await expectNoOldData(async () => {
      for (const node of [1, 2]) hosts.start(node);
      await hosts.untilAllServe();
    });
    expect(hosts.linesOf(3).join('\n')).toContain(
      'node 3 stops: node 1 and 2 hold the data of another restore than this node',
    );
    await expectBackup();
  });

  it('is given up by the only node on which it was restored', async () => {
    later = await write(1);
    for (const node of numbers) await hosts.stop(node);
    await restoreNodes(3);
    for (const node of numbers) hosts.start(node);
    await hosts.untilAllServe();
    await expectEverywhere(later);
  });
});
