/**
 * Nodes recover when data were changed, when a disk or a database is full, and when all nodes are
 * killed at once.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectMember } from '../../host/etcd/member-client.ts';
import { memberAddress } from '../../host/node/member.ts';
import { memberFiles } from '../../host/node/member-files.ts';
import { type ClusterProcess, endCluster, startCluster } from '../support/cluster-process.ts';
import { freshFolder } from '../support/local-process.ts';
import { itAsRoot } from '../support/needs.ts';
import { until, untilSeen } from '../support/until.ts';
import { openTrial, type Trial } from './trial.ts';

const large = randomBytes(30_000).toString('base64');
/** Fills the rest of the disk. */
const fill = (file: string): void => {
  for (const bytes of [1_048_576, 4_096]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
    }
  }
};

describe('one of three nodes', () => {
  let trial: Trial;

  const databaseOf = (node: number): string =>
    join(memberFiles(trial.nodes.folderOf(node)), 'snap', 'db');
  /**
   * Changes the creator in all items of the node's database while the node is down, and starts the
   * node.
   */
  const change = async (node: number): Promise<void> => {
    await trial.nodes.kill(node);
    const bytes = readFileSync(databaseOf(node), 'latin1');
    const changed = bytes.replaceAll('"client"', '"nobody"');
    expect(changed).not.toBe(bytes);
    writeFileSync(databaseOf(node), changed, 'latin1');
    trial.nodes.start(node);
  };
  const statuses = async () => {
    const { nodes, read, acknowledged } = trial;
    const shown = acknowledged.at(-1) ?? '';
    return (await Promise.all(nodes.all.map((node) => read(node, shown)))).map(
      ({ status }) => status,
    );
  };
  const backUp = (node: number) => {
    const file = join(trial.folder, randomUUID());
    return trial.nodes.run(node, ['npm', 'run', '-s', 'backup', '--', file]);
  };
  const makeLeader = async (node: number): Promise<void> => {
    const memberOf = (one: number) => connectMember(memberAddress(trial.nodes.folderOf(one)));
    const own = memberOf(node);
    const leads = async (): Promise<boolean> => {
      const deadline = performance.now() + 10_000;
      const { memberId, isLeader } = await own.status(deadline);
      if (isLeader) return true;
      const led = memberOf(await trial.leader());
      // Another member may have become the leader meanwhile. The member that is asked here then
      // refuses, and the next round asks again.
      await led.moveLeader(memberId, deadline).catch(() => undefined);
      led.close();
      return false;
    };
    await until(leads);
    own.close();
  };

  beforeAll(async () => {
    trial = await openTrial();
    await trial.createAt([1, 2, 3], 60);
  });
  afterEach(() => trial.expectWhole());
  afterAll(() => trial.close());

  // Shows G2.
  it('still shows the last acknowledged secrets after all nodes were killed at once', async () => {
    const { nodes, createAt } = trial;
    const writing = createAt([1, 2, 3], 60);
    await sleep(200);
    await Promise.all(nodes.all.map((node) => nodes.kill(node)));
    await writing;
    for (const node of nodes.all.toReversed()) nodes.start(node);
  });

  // Shows G5.
  it('reports that its database was changed and serves nothing until it is wiped, while the others go on', async () => {
    const { nodes, leader, createAt, untilState } = trial;
    const damaged = ((await leader()) % 3) + 1;
    const others = nodes.all.filter((node) => node !== damaged);
    await change(damaged);
    await untilState(damaged, 'diverged');
    // If the report of one node comes late, the first message does not name that node. So wait for
    // a message that names both other nodes.
    const sentence =
      /is diverged: its data at revision \d+ differ from those of node \d and node \d/;
    await untilSeen(
      async () => nodes.saidBy(damaged),
      (said) => sentence.test(said),
    );
    await untilSeen(
      () => backUp(damaged),
      ({ code, stderr }) => code === 1 && sentence.test(stderr),
    );
    await createAt(others, 20);
    await untilSeen(statuses, (seen) =>
      nodes.all.every((node) => seen[node - 1] === (node === damaged ? 503 : 200)),
    );
    for (const node of others) await untilState(node, 'serving');
    await nodes.wipeAndStart(damaged);
  });

  it('does not pass its changed data to another node, even while it leads and a wiped node asks for data', async () => {
    const { nodes, leader, createAt, untilState, settled } = trial;
    const damaged = await leader();
    const [sound, wiped] = nodes.all.filter((node) => node !== damaged) as [number, number];
    await change(damaged);
    await untilState(damaged, 'diverged');
    await makeLeader(damaged);
    await nodes.wipeAndStart(wiped);
    // Two nodes differ, and the third has no data. Nobody can know who is right, so nobody serves.
    await untilState(sound, 'diverged');
    await untilState(wiped, 'joining');
    expect(await statuses()).toEqual([503, 503, 503]);
    // A node receives the state of the others once a second, so it may still consider one of them
    // sound.
    await untilSeen(
      () => backUp(damaged),
      ({ code }) => code === 0,
    );
    await untilSeen(
      async () => (await nodes.status(wiped))?.reason,
      (reason) => reason?.includes('the other nodes do not agree') === true,
    );

    // A person who knows which node is sound copies its database to the other node that has data.
    for (const node of [sound, damaged]) await nodes.kill(node);
    copyFileSync(databaseOf(sound), databaseOf(damaged));
    for (const node of [sound, damaged]) nodes.start(node);
    await settled();
    await createAt(nodes.all, 20);
  });

  itAsRoot(
    'refuses requests while its disk is full, and recovers by itself when there is room, while the others go on',
    async () => {
      const { nodes, create, read, untilServing } = trial;
      const folder = nodes.folderOf(3);
      const filler = join(folder, 'filler');
      await nodes.kill(3);
      rmSync(folder, { recursive: true });
      mkdirSync(folder, { mode: 0o700 });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=0700', 'tmpfs', folder]);
      try {
        nodes.start(3);
        await untilServing();
        const first = await create([1]);
        await untilSeen(
          async () => {
            // The disk is filled again on every attempt, because the node gives back some space.
            fill(filler);
            await create([1], large);
            await create([2], large);
            return (await read(3, first)).status;
          },
          (status) => status === 503,
        );
        rmSync(filler);
        await trial.expectWhole();
      } finally {
        await nodes.kill(3);
        execFileSync('umount', [folder]);
        await nodes.wipeAndStart(3);
      }
    },
  );
});

describe('nodes whose quota is reached under load', () => {
  const names = Array.from({ length: 8 }, (_, index) => `FULL_${index}`);
  const latest = new Map<string, number>();
  let small: ClusterProcess;
  beforeAll(async () => {
    small = await startCluster(freshFolder(), { VAULT_QUOTA_BYTES: String(16 * 1_048_576) });
    for (const name of names) {
      const body = { name, value: large };
      expect(await small.ask(1, 'POST', '/v1/secrets', { body })).toMatchObject({ status: 201 });
    }
  });
  afterAll(() => endCluster(small));

  /** Updates every secret at once, spread over all nodes. Returns the replies. */
  const updateAll = async () =>
    await Promise.all(
      names.map(async (name, index) => {
        const call = { body: { value: large } };
        const reply = await small.ask(1 + (index % 3), 'PUT', `/v1/secrets/${name}`, call);
        if (reply.status === 200) latest.set(name, Number(reply.body['version']));
        // Only `store_unavailable` is certain: after any other failure the update may have taken
        // effect.
        else if (reply.body['code'] !== 'store_unavailable') latest.delete(name);
        return reply;
      }),
    );

  it('refuse writes and serve reads', async () => {
    await untilSeen(updateAll, (replies) =>
      replies.every(({ status, body }) => status === 503 && body['code'] === 'store_unavailable'),
    );
    for (const name of names) {
      for (const node of [1, 2, 3]) {
        const { status, body } = await small.ask(node, 'GET', `/v1/secrets/${name}`);
        expect([status, body['version']]).toEqual([200, latest.get(name) ?? body['version']]);
      }
    }
    await untilSeen(
      small.status,
      ({ nodes, equal }) => equal && nodes.every(({ state }) => state === 'serving'),
    );
  });

  it('write again if they are started with a larger quota', async () => {
    await small.end('SIGTERM');
    small = await startCluster(small.folder, { VAULT_QUOTA_BYTES: String(64 * 1_048_576) });
    await untilSeen(updateAll, (replies) => replies.every(({ status }) => status === 200));
    await untilSeen(small.status, ({ equal }) => equal);
  });
});
