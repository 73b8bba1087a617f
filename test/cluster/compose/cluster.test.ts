/** `npm run cluster -- --docker`: three containers that are vault nodes, any one of which may be killed. */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  areAllEqual,
  ask,
  cluster,
  command,
  containers,
  docker,
  getContainer,
  listeningIn,
  prepare,
  statusNow,
  until,
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
    const urls = all.map((node) => `http://127.0.0.1:${3000 + node}`);
    expect(started).toContain(`cluster listening on ${urls.join(' ')}`);
    const { nodes, equal } = await statusNow();
    expect(nodes.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    expect(equal).toBe(true);
  });

  it('makes tokens that its nodes take: on this machine, and in the container of the master key', async () => {
    const here = await command('token', '--json', '--for', 'docker', ...caller);
    expect(JSON.parse(here)).toMatchObject({ vault: 'docker', url: 'http://127.0.0.1:3001' });
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

  it('reads on every node, at once, what any node has created', async () => {
    for (const node of all) {
      const name = freshName();
      expect(await create(node, name)).toMatchObject({ status: 201 });
      for (const other of all) {
        expect(await read(other, name)).toMatchObject({ status: 200, value: `of ${name}` });
      }
    }
  });

  it('refuses on every node what exists on one', async () => {
    const name = freshName();
    await create(1, name);
    for (const node of all) expect(await create(node, name)).toMatchObject({ status: 409 });
  });
});

describe('a node that was killed', () => {
  const before = freshName();
  const meanwhile = freshName();

  it('stays down while the others go on', async () => {
    await create(1, before);
    await docker('kill', await getContainer('node1'));
    expect(await until(async () => (await create(2, meanwhile)).status === 201)).toBe(true);
    for (const node of [2, 3]) {
      expect(await read(node, before)).toMatchObject({ status: 200 });
      expect(await read(node, meanwhile)).toMatchObject({ status: 200 });
    }
    expect((await read(1, before)).status).toBe(0);
    const { nodes } = await statusNow();
    expect(nodes[0]).toMatchObject({ alive: false, state: 'killed' });
  });

  it('catches up by itself once it is started', async () => {
    expect(await cluster('start', '1')).toBe('node 1 starts: status shows when it serves');
    expect(await areAllEqual()).toBe(true);
    expect(await read(1, meanwhile)).toMatchObject({ status: 200, value: `of ${meanwhile}` });
  });
});

describe('a node that ends by itself', () => {
  it('is started again by Docker', async () => {
    const id = await getContainer('node2');
    const startedAt = () => docker('inspect', '--format', '{{.State.StartedAt}}', id);
    const first = await startedAt();
    await docker('exec', id, 'sh', '-c', 'kill -TERM 1');
    expect(await until(async () => (await startedAt()) !== first)).toBe(true);
    expect(await areAllEqual()).toBe(true);
  });
});

describe('a node that is cut off', () => {
  it('refuses, while the others go on, and has what it missed once it is connected', async () => {
    const name = freshName();
    await create(1, name);
    await cluster('isolate', '3');
    expect((await statusNow()).nodes[2]).toMatchObject({ isolated: true });
    expect(await read(3, name)).toMatchObject({ status: 503 });
    const meanwhile = freshName();
    expect(await until(async () => (await create(1, meanwhile)).status === 201)).toBe(true);
    await cluster('heal', '3');
    expect(await areAllEqual()).toBe(true);
    expect(await read(3, meanwhile)).toMatchObject({ status: 200 });
  });
});

describe('a node that is paused', () => {
  it('does not hold up the others, and catches up when it goes on', async () => {
    await cluster('pause', '2');
    expect((await statusNow()).nodes[1]).toMatchObject({ alive: false, state: 'paused' });
    const name = freshName();
    expect(await until(async () => (await create(3, name)).status === 201)).toBe(true);
    await cluster('resume', '2');
    expect(await areAllEqual()).toBe(true);
    expect(await read(2, name)).toMatchObject({ status: 200 });
  });
});

describe('a node whose data was deleted', () => {
  it('fetches all of it from the others', async () => {
    const name = freshName();
    await create(2, name);
    await cluster('wipe', '1');
    const { nodes } = await statusNow();
    expect(nodes[0]).toMatchObject({ alive: false, state: 'stopped' });
    await cluster('start', '1');
    expect(await areAllEqual()).toBe(true);
    expect(await read(1, name)).toMatchObject({ status: 200, value: `of ${name}` });
  });
});

describe('the master key', () => {
  it('is one process for all nodes: without it no value is read or written on any', async () => {
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
      expect(await until(async () => (await read(node, name)).status === 200)).toBe(true);
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
      expect(await docker('port', id)).toBe(`3000/tcp -> 127.0.0.1:${3000 + node}`);
    }
    const key = await getContainer('key');
    const beyond = (await listeningIn(key)).filter((address) => !address.startsWith('127.'));
    expect(beyond).toEqual(['10.213.77.10:4599']);
    expect(await docker('port', key)).toBe('');
  });

  it('is on a network of which this machine is no part', async () => {
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
