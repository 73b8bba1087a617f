/** `npm run cluster -- --docker`: three containers that are vault nodes, any one of which may be killed. */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { githubPolicy, githubToken } from '../../support/github-access.ts';
import { until, untilSeen } from '../../support/until.ts';
import {
  ask,
  cluster,
  command,
  containers,
  docker,
  getContainer,
  listeningIn,
  prepare,
  statusNow,
  untilAllEqual,
  urlOf,
  writePolicy,
} from './containers.ts';

const all = [1, 2, 3];
const caller = ['--tenant', 'acme', '--sub', 'alice'];
let token: string;
let started = '';
let names = 0;
const freshName = () => {
  names += 1;
  return `NAME_${Date.now()}_${names}`;
};
const create = (node: number, name: string) => ask(node, token, '', { name, value: `of ${name}` });
const read = (node: number, name: string) => ask(node, token, `/${name}`);

beforeAll(async () => {
  await prepare();
  started = await cluster();
  token = await command('token', '--for', 'docker', ...caller);
}, 300_000);
afterAll(() => cluster('down', '--data'), 120_000);

describe('a cluster of containers', () => {
  it('says where its vaults listen once all of them serve', async () => {
    expect(started).toContain(`cluster listening on ${all.map(urlOf).join(' ')}`);
    const { nodes, equal } = await untilAllEqual();
    expect(nodes.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    expect(equal).toBe(true);
  });

  it('makes tokens that its nodes take: on this machine, and in the container of the master key', async () => {
    const here = await command('token', '--json', '--for', 'docker', ...caller);
    expect(JSON.parse(here)).toMatchObject({ vault: 'docker', url: urlOf(1) });
    const program = ['node', 'local/bin/token.ts', ...caller];
    const there = await docker('exec', await getContainer('key'), ...program);
    for (const made of [JSON.parse(here).token, there]) {
      expect(await ask(1, made, '/NONE')).toMatchObject({ status: 404 });
    }
  });

  it('refuses to make a token in the container of a node, which nobody would take', async () => {
    const program = ['node', 'local/bin/token.ts', ...caller];
    await expect(docker('exec', await getContainer('node1'), ...program)).rejects.toThrow(
      '/data belongs to one node of a cluster, which signs no tokens',
    );
  });

  it('follows the access policy in the folder of this machine that its nodes see', async () => {
    const statuses = async () => {
      const replies = all.map((node) => ask(node, githubToken(), '/app.DB'));
      return (await Promise.all(replies)).map(({ status }) => status).join();
    };
    expect(await statuses()).toBe('401,401,401');
    writePolicy(githubPolicy());
    await untilSeen(statuses, (seen) => seen === '404,404,404');
  });

  it('reads on every node, at once, what any node has created, and does not create it again', async () => {
    for (const node of all) {
      const name = freshName();
      expect(await create(node, name)).toMatchObject({ status: 201 });
      for (const other of all) {
        expect(await read(other, name)).toMatchObject({ status: 200, value: `of ${name}` });
        expect(await create(other, name)).toMatchObject({ status: 409 });
      }
    }
  });
});

/** Repeats a wipe while another node is slow to say that it serves: nothing is wiped then. */
const change = async (how: string): Promise<void> => {
  const told = await untilSeen(
    () => cluster(how, '2').catch(String),
    (text) => !text.includes('node 2 keeps its data'),
  );
  expect(told).toMatch(/^node 2 is /);
};

describe('a node', () => {
  it.each([
    { how: 'kill', back: 'start', shown: { alive: false, state: 'killed' }, status: 0 },
    { how: 'pause', back: 'resume', shown: { alive: false, state: 'paused' }, status: 0 },
    { how: 'isolate', back: 'heal', shown: { isolated: true }, status: 503 },
    { how: 'wipe', back: 'start', shown: { alive: false, state: 'stopped' }, status: 0 },
  ])(
    'refuses after $how while the others go on, and has all that it missed after $back',
    async ({ how, back, shown, status }) => {
      const before = freshName();
      await create(1, before);
      // A person may also kill a node by Docker.
      if (how === 'kill') await docker('kill', await getContainer('node2'));
      else await change(how);
      expect((await statusNow()).nodes[1]).toMatchObject(shown);
      if (how !== 'pause') expect(await read(2, before)).toMatchObject({ status });
      const meanwhile = freshName();
      // An attempt whose reply was lost may have created it.
      await until(async () => [201, 409].includes((await create(3, meanwhile)).status), 60_000);
      for (const node of [1, 3]) {
        expect(await read(node, before)).toMatchObject({ status: 200 });
        expect(await read(node, meanwhile)).toMatchObject({ status: 200 });
      }
      expect(await cluster(back, '2')).toMatch(/^node 2 /);
      await untilAllEqual();
      for (const name of [before, meanwhile]) {
        expect(await read(2, name)).toMatchObject({ status: 200, value: `of ${name}` });
      }
    },
  );

  it('starts again by Docker after it has ended by itself', async () => {
    const id = await getContainer('node2');
    const startedAt = () => docker('inspect', '--format', '{{.State.StartedAt}}', id);
    const first = await startedAt();
    await docker('exec', id, 'sh', '-c', 'kill -TERM 1');
    await until(async () => (await startedAt()) !== first, 60_000);
    await untilAllEqual();
  });
});

describe('the master key', () => {
  it('serves all nodes: without it no node reads or writes a value', async () => {
    const name = freshName();
    await create(1, name);
    await cluster('kill', 'key');
    for (const node of all) {
      const refused = { status: 503, code: 'master_key_unavailable' };
      expect(await read(node, name)).toMatchObject(refused);
      expect(await create(node, freshName())).toMatchObject(refused);
    }
    await cluster('start', 'key');
    for (const node of all) {
      await until(async () => (await read(node, name)).status === 200, 60_000);
    }
  });
});

describe('a container', () => {
  it('listens beyond loopback with the vault, and with its own ports where the nodes are', async () => {
    for (const node of all) {
      const id = await getContainer(`node${node}`);
      const beyond = (await listeningIn(id)).filter((address) => !address.startsWith('127.'));
      const peers = `10.213.77.${10 + node}`;
      expect(beyond.sort()).toEqual(['0.0.0.0:3000', `${peers}:2380`, `${peers}:2390`]);
      expect(await docker('port', id)).toBe(`3000/tcp -> ${new URL(urlOf(node)).host}`);
    }
    const key = await getContainer('key');
    const beyond = (await listeningIn(key)).filter((address) => !address.startsWith('127.'));
    expect(beyond).toEqual(['10.213.77.10:4599']);
    expect(await docker('port', key)).toBe('');
  });

  it('gives a backup of the data of all nodes', async () => {
    await create(1, freshName());
    const backup = ['node', 'local/bin/backup.ts', '/data/vault.backup', '--json'];
    const made = JSON.parse(await docker('exec', await getContainer('node2'), ...backup));
    expect(made.manifest.secrets).toBeGreaterThan(0);
  });

  it('reads a log to destroy again what was destroyed, although the image has no command line', async () => {
    const id = await getContainer('node2');
    const redo = 'node local/bin/restore.ts --redo-destroys - < /dev/null';
    expect(await docker('exec', id, 'sh', '-c', redo)).toBe(
      '0 versions destroyed again\n0 versions destroyed already\n0 versions not in the backup',
    );
  });

  it('keeps the ports between nodes on a network without this machine', async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    expect(addresses.filter(({ address }) => address.startsWith('10.213.77.'))).toEqual([]);
  });

  it('runs as a plain user who can change nothing but the data', async () => {
    for (const id of (await containers()).values()) {
      expect(await docker('exec', id, 'id', '-u')).toBe('1000');
      const write = docker('exec', id, 'sh', '-c', 'echo > /vault/local/bin/node.ts');
      await expect(write).rejects.toThrow(/[Rr]ead-only/);
      const folder = await docker('exec', id, 'sh', '-c', 'ls -ld /data; ls -l /cluster');
      expect(folder).toMatch(/^drwx------ /);
      expect(folder).toMatch(/^-rw------- .* cluster\.json$/m);
    }
  });
});
