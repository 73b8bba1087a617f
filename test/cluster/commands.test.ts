/**
 * The commands of `npm run cluster` change the processes of a node, and clients of the vault
 * notice.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setKeyState } from '../../host/kms/key-file.ts';
import { isKnownToReadStale } from '../../host/node/etcd-version.ts';
import type { ClusterStatus } from '../../local/cluster/status.ts';
import manifest from '../../package.json' with { type: 'json' };
import {
  type ClusterProcess,
  endCluster,
  isAlive,
  startCluster,
} from '../support/cluster-process.ts';
import { openDsvault } from '../support/dsvault.ts';
import { describeTimes, printFigure } from '../support/figure.ts';
import { headCommit } from '../support/head.ts';
import { liveByDsvault } from '../support/life-by-dsvault.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { itWith } from '../support/needs.ts';
import { checkReply } from '../support/openapi.ts';
import { freshName } from '../support/running-vault.ts';
import { issueToken } from '../support/tokens.ts';
import { until, untilSeen } from '../support/until.ts';

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => endCluster(cluster));

const hasOneLeader = (nodes: readonly { readonly leader: boolean }[]): boolean =>
  nodes.filter(({ leader }) => leader).length === 1;
const nodeOf = ({ nodes }: ClusterStatus, node: number) => nodes.find((one) => one.node === node);
const isWhole = ({ nodes, equal }: ClusterStatus): boolean =>
  equal &&
  nodes.every(({ alive, state }) => alive && state === 'serving') &&
  new Set(nodes.map(({ appliedRevision, digest }) => `${appliedRevision} ${digest}`)).size === 1;
beforeEach(async () => void (await untilSeen(cluster.status, isWhole)));

/**
 * Creates a secret, with the same key for all attempts: a node answers 503 while a new leader is
 * elected.
 */
const create = async (node: number): Promise<string> => {
  const name = freshName();
  const body = { name, value: `of ${name}` };
  const key = randomUUID();
  const { status } = await untilSeen(
    () => cluster.ask(node, 'POST', '/v1/secrets', { body, key }),
    (reply) => reply.status !== 503,
  );
  expect(status).toBe(201);
  return name;
};
const valueOn = async (node: number, name: string) =>
  (await cluster.ask(node, 'GET', `/v1/secrets/${name}`)).body['value'];
const command = async (...args: readonly string[]): Promise<string> => {
  const { code, text } = await cluster.command(...args);
  expect({ code, text }).toMatchObject({ code: 0 });
  return text;
};
const isServing = ({ alive, state }: { readonly alive: boolean; readonly state: string }) =>
  alive && state === 'serving';
const comesBack = async (name: string, node: number): Promise<void> => {
  await untilSeen(cluster.status, isWhole);
  expect(await valueOn(node, name)).toBe(`of ${name}`);
};

it('the greeting of a cluster names the commands that log in and open the console', () => {
  const dsvault = `VAULT_DATA_DIR=${cluster.folder} ./cli/dsvault.js`;
  expect(cluster.process.output.slice(-1)).toEqual([
    `to look at it in a browser: ${dsvault} login --local --for cluster --profile cluster && ${dsvault} console --profile cluster`,
  ]);
});

/** A folder on the PATH with an etcd that may answer stale reads, such as Debian's. */
const staleEtcd = (process.env['PATH'] ?? '').split(':').find((folder) => {
  const file = join(folder, 'etcd');
  if (!existsSync(file)) return false;
  const [, version = ''] =
    /Version: (\S+)/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' })) ?? [];
  return isKnownToReadStale(version);
});

itWith('an etcd on the PATH that may answer stale reads', staleEtcd !== undefined)(
  'a cluster whose etcd may answer stale reads warns at the terminal once, and status marks its nodes',
  async () => {
    const old = await startCluster(freshFolder(), { PATH: `${staleEtcd}:${process.env['PATH']}` });
    try {
      const warned = () => old.process.errors.filter((line) => line.includes('stale reads'));
      await until(() => warned().length > 0);
      expect(warned()).toHaveLength(1);
      expect(warned()[0]).toMatch(
        /^etcd 3\.\d+\.\d+ of nodes 1, 2, 3: known to answer stale reads after/,
      );
      const { nodes } = await untilSeen(old.status, isWhole);
      expect(nodes.map(({ mayReadStale }) => mayReadStale)).toEqual([true, true, true]);
      expect((await old.command('status')).text).toContain('known to answer stale reads');
    } finally {
      await endCluster(old);
    }
  },
);

describe('npm run cluster -- status', () => {
  it('shows one leader, three nodes that serve and equal digests, as JSON and as a table', async () => {
    await create(1);
    await untilSeen(cluster.status, isWhole);
    const { nodes, equal } = await untilSeen(
      async (): Promise<ClusterStatus> => JSON.parse(await command('status', '--json')),
      (status) => isWhole(status) && hasOneLeader(status.nodes),
    );
    expect(nodes.map(({ node }) => node)).toEqual([1, 2, 3]);
    expect(nodes.filter(({ leader }) => leader)).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ alive: true, lag: 0 });
    expect(nodes[0]?.digest).toMatch(/^[0-9a-f]{8}$/);
    expect(equal).toBe(true);
    const row = /^2 {5}yes {4}serving +connected +(yes|no) +\d+ +\d+ +[0-9a-f]{8} +usable$/;
    const [head] = await untilSeen(
      async () => (await command('status')).split('\n'),
      ([, , line]) => row.test(line ?? ''),
    );
    expect(head).toMatch(/^node {2}alive {2}state +peers +leader +applied +lag +digest +key$/);
  });
});

describe('GET /v1/status on a node', () => {
  const statusOn = async (node: number, scope: string) => {
    const token = issueToken(join(cluster.folder, 'key'), { tenant: 'cluster-test', scope });
    const headers = { Authorization: `Bearer ${token}` };
    const reply = await fetch(`${cluster.urlOf(node)}/v1/status`, { headers });
    const text = await reply.text();
    expect(checkReply('get-status', reply.status, new Map(reply.headers), text)).toEqual([]);
    return JSON.parse(text);
  };

  it('shows all nodes to a token with the scope vault:status, as the API document describes them', async () => {
    for (const node of [1, 2, 3]) {
      const { node: told } = await untilSeen(
        () => statusOn(node, 'vault:status'),
        ({ node: { nodes } }) =>
          nodes.length === 3 &&
          nodes.every(isServing) &&
          hasOneLeader(nodes) &&
          typeof nodes[node - 1].space?.memoryBytes === 'number',
      );
      expect(told).toMatchObject({ node, equal: true });
      expect(told.nodes).toMatchObject(
        [1, 2, 3].map((one) => ({ node: one, alive: true, state: 'serving', reason: null })),
      );
      expect(told.nodes.filter((one: { leader: boolean }) => one.leader)).toHaveLength(1);
      expect(told.nodes[node - 1].space.memoryBytes).toBeGreaterThan(1_000_000);
    }
  });

  it('shows no node to a token without the scope vault:status', async () => {
    expect(await statusOn(1, 'secrets:read')).not.toHaveProperty('node');
  });

  it('names the version and the commit of the checkout', async () => {
    const told = { version: manifest.version, commit: headCommit() };
    expect(await statusOn(2, '')).toMatchObject(told);
  });
});

it('GET /openapi.yaml on a node answers with the document, without a token', async () => {
  const reply = await fetch(`${cluster.urlOf(3)}/openapi.yaml`);
  const text = await reply.text();
  expect(checkReply('get-openapi', reply.status, new Map(reply.headers), text)).toEqual([]);
  expect(text).toBe(readFileSync('docs/openapi.yaml', 'utf8'));
});

const inspect = async (node: number, ...args: readonly string[]) => {
  const env = { VAULT_DATA_DIR: join(cluster.folder, `node-${node}`) };
  const { exit, output, errors } = runLocal('inspect', args, env);
  return { code: await exit, output, errors };
};

describe('npm run inspect', () => {
  it('shows the items through a running node, and verifies all of them', async () => {
    const name = await create(1);
    const { code, output, errors } = await inspect(2, '--secret', name, '--verify');
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
    expect(output).toContain(`TENANT#cluster-test#SECRET#${name}`);
    expect(output.at(-1)).toBe('verified the whole table: no violations');
  });
});

describe('the life of a secret', () => {
  it('works with dsvault when successive commands go to different nodes of a cluster', async () => {
    const token = issueToken(join(cluster.folder, 'key'), { tenant: 'cluster-test' });
    await liveByDsvault(freshName(), [1, 3, 2].map(cluster.urlOf), token);
  });
});

describe('a node', () => {
  it.each([
    ['killed', 'kill', 'start', 'does not run', 'runs already'],
    ['stopped', 'stop', 'start', 'does not run', 'runs already'],
    ['stopped', 'wipe', 'start', 'does not run', 'runs already'],
    ['paused', 'pause', 'resume', 'is paused already', 'is not paused'],
  ])(
    'is %s at once by %s, with every process that it has started, and serves what it missed after %s',
    async (state, how, back, again, done) => {
      const pids = cluster.pids('node-2');
      expect(pids.filter(isAlive)).toHaveLength(2);
      // `wipe` is refused until both other nodes are seen to serve.
      const told = await untilSeen(
        () => cluster.command(how, '2'),
        ({ text }) => !text.startsWith('node 2 keeps its data'),
      );
      expect(told).toMatchObject({ code: 0 });
      expect(pids.filter(isAlive)).toHaveLength(how === 'pause' ? 2 : 0);
      expect(existsSync(join(cluster.folder, 'node-2'))).toBe(how !== 'wipe');
      const shown = nodeOf(await cluster.status(), 2);
      expect(shown).toMatchObject({ alive: false, state, lag: null });
      expect((await cluster.ask(2, 'GET', '/health', { limitMs: 500 })).status).toBe(0);
      const name = await create(1);
      expect(await valueOn(3, name)).toBe(`of ${name}`);
      const impossible = how === 'pause' ? ['pause'] : ['kill', 'pause', 'stop'];
      for (const one of impossible) {
        expect(await cluster.command(one, '2')).toEqual({ code: 1, text: `node 2 ${again}` });
      }
      await command(back, '2');
      expect(await cluster.command(back, '2')).toEqual({ code: 1, text: `node 2 ${done}` });
      await comesBack(name, 2);
    },
  );

  it('cannot be wiped while another node is dead, because two whole copies must stay', async () => {
    await command('kill', '3');
    // At first node 1 may still be looking for a new leader. Its message is then another one, so
    // the command is repeated.
    const { code } = await untilSeen(
      () => cluster.command('wipe', '2'),
      ({ text }) => /^node 2 keeps its data, .* only one other node serves/.test(text),
    );
    expect(code).toBe(1);
    expect(cluster.pids('node-2').filter(isAlive)).toHaveLength(2);
    await command('start', '3');
  });

  it('can be stopped while it is paused, and inspect says that it does not run', async () => {
    const pids = cluster.pids('node-1');
    await command('pause', '1');
    await command('stop', '1');
    expect(pids.filter(isAlive)).toEqual([]);
    const sentence = /^the node of .*node-1 does not run: start it, or set VAULT_DATA_DIR/;
    const errors = [expect.stringMatching(sentence)];
    expect(await inspect(1)).toEqual({ code: 1, output: [], errors });
    await command('start', '1');
  });
});

describe('a node that is isolated', () => {
  it('reports that it sees no majority and is cut off, and serves again after heal', async () => {
    await command('isolate', '2');
    await untilSeen(
      async () => nodeOf(await cluster.status(), 2),
      (shown) => shown?.isolated === true && shown.state === 'no-majority',
    );
    await command('heal', '2');
    await untilSeen(cluster.status, isWhole);
  });
});

describe('a node that ends by itself', () => {
  it('is reported by npm run cluster, and stays down until it is started', async () => {
    const [pid = 0, ...children] = cluster.pids('node-3');
    process.kill(pid, 'SIGKILL');
    await untilSeen(
      () => cluster.process.errors,
      (errors) => errors.some((line) => /^node 3 ended by itself \(SIGKILL\)/.test(line)),
    );
    expect(nodeOf(await cluster.status(), 3)).toMatchObject({ alive: false, state: 'ended' });
    await untilSeen(
      () => children.filter(isAlive),
      ({ length }) => length === 0,
    );
    await command('start', '3');
  });
});

const took: number[] = [];

// faults.test.ts kills each node in turn with everything that runs on it, the leader first.
describe('the death of the leader by SIGKILL', () => {
  afterAll(() => printFigure('the death of a node', describeTimes(took)));

  // Shows G17.
  it.each(['the node', 'its etcd'] as const)(
    '(%s) is followed within 10 s by creates and correct reads on the other two nodes',
    async (what) => {
      const node = (await cluster.status()).nodes.find(({ leader }) => leader)?.node ?? 1;
      const kept = await create((node % 3) + 1);
      const [own = 0, etcd = 0] = cluster.pids(`node-${node}`);
      const began = performance.now();
      process.kill(what === 'the node' ? own : etcd, 'SIGKILL');
      const others = [1, 2, 3].filter((other) => other !== node);
      const made = await Promise.all(others.map(create));
      for (const other of others) {
        for (const name of [kept, ...made]) {
          await untilSeen(
            () => valueOn(other, name),
            (value) => value === `of ${name}`,
          );
        }
      }
      const ms = performance.now() - began;
      took.push(ms);
      if (what === 'the node') {
        await untilSeen(cluster.status, (status) => nodeOf(status, node)?.state === 'ended');
        await command('start', String(node));
      }
      for (const name of [kept, ...made]) await comesBack(name, node);
      expect(ms).toBeLessThan(10_000);
    },
  );
});

describe('the master key of three nodes', () => {
  const keyFile = () => join(cluster.folder, 'key', 'kms.json');
  const replace = (text: string): void => {
    writeFileSync(`${keyFile()}.new`, text);
    renameSync(`${keyFile()}.new`, keyFile());
  };
  const another = (): string =>
    JSON.stringify({ ...JSON.parse(readFileSync(keyFile(), 'utf8')), keyId: randomUUID() });

  // Shows G9.
  it.each<[string, string, string, () => void]>([
    ['is disabled', 'disabled', 'master_key_unavailable', () => setKeyState(keyFile(), 'Disabled')],
    ['is replaced by another', 'incorrect', 'master_key_incorrect', () => replace(another())],
  ])(
    '%s: each node shows "%s", returns and stores nothing (%s), and still answers 404 for a missing secret',
    async (_, shown, code, change) => {
      const name = await create(1);
      const good = readFileSync(keyFile(), 'utf8');
      change();
      const refused = { status: 503, body: { code } };
      const never = freshName();
      for (const node of [1, 2, 3]) {
        const ask = (method: string, path: string, body?: object) =>
          cluster.ask(node, method, `/v1/secrets${path}`, { ...(body && { body }) });
        expect(await ask('GET', `/${name}`)).toMatchObject(refused);
        expect(await ask('POST', '', { name: never, value: 'v' })).toMatchObject(refused);
        expect(await ask('PUT', `/${name}`, { value: 'w' })).toMatchObject(refused);
        expect(await ask('GET', `/${never}`)).toMatchObject({ status: 404 });
        expect(await ask('PUT', `/${never}`, { value: 'w' })).toMatchObject({ status: 404 });
      }
      // A node that does not answer in time shows nothing.
      const { nodes } = await untilSeen(cluster.status, (status) =>
        status.nodes.every(({ masterKey }) => masterKey !== null),
      );
      expect(nodes.map(({ masterKey }) => masterKey)).toEqual([shown, shown, shown]);
      replace(good);
      for (const node of [1, 2, 3]) {
        expect(await valueOn(node, name)).toBe(`of ${name}`);
        expect((await cluster.ask(node, 'GET', `/v1/secrets/${never}`)).status).toBe(404);
      }
    },
  );
});

describe('the folder of a cluster', () => {
  it('can be read by its owner only, like the folders and files in it', () => {
    for (const folder of ['', 'key', 'node-1', 'node-2', 'node-3']) {
      expect(statSync(join(cluster.folder, folder)).mode & 0o777).toBe(0o700);
    }
    for (const file of ['cluster.json', 'ports.json', 'node-1/log']) {
      expect(statSync(join(cluster.folder, file)).mode & 0o777).toBe(0o600);
    }
  });

  it('is refused to a second npm run cluster', async () => {
    expect(await cluster.command()).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^another vault is using the data folder/),
    });
  });
});

describe('dsvault log', () => {
  it('finds in the logs of all nodes who holds and has seen which version, and that no request read a stale value and no line is missing', async () => {
    const name = await create(1);
    expect(await valueOn(2, name)).toBe(`of ${name}`);
    const dsvault = openDsvault({ VAULT_DATA_DIR: cluster.folder });
    const ask = async (...question: readonly string[]) => {
      const ran = await dsvault.run(['log', ...question, '--for', 'cluster', '--json']);
      expect({ ...ran, stdout: '' }).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(ran.stdout);
    };
    const { holders } = await ask('holders', name);
    expect(holders).toMatchObject([{ read: [{ version: 1 }], pinned: [], current: 1 }]);
    const { seen } = await ask('seen', holders[0].subject);
    expect(seen).toContainEqual(
      expect.objectContaining({ secret: name, shown: [1], wrote: [1], isCurrent: true }),
    );
    const { requests, runs, ...found } = await ask('check');
    expect(found).toMatchObject({ contradictions: [], untold: 0, unnumbered: 0 });
    expect(requests).toBeGreaterThan(50);
    expect(runs.length).toBeGreaterThanOrEqual(3);
    for (const run of runs) expect(run).toMatchObject({ first: 1, missing: [], changed: [] });
  });
});
