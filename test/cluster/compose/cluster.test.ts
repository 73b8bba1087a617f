/**
 * `docker compose up` starts three containers that are vault nodes. Any one of them may be killed.
 */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { githubPolicy, githubToken } from '../../support/github-access.ts';
import { until, untilSeen } from '../../support/until.ts';
import {
  ask,
  compose,
  containers,
  docker,
  getContainer,
  listeningIn,
  prepare,
  untilAllEqual,
  urlOf,
  writePolicy,
} from './containers.ts';

const all = [1, 2, 3];
const caller = ['--tenant', 'acme', '--sub', 'alice'];
let token: string;

const makeToken = async (): Promise<string> => {
  const scope = 'secrets:read secrets:write vault:status';
  const made = await compose('run', '--rm', 'init', 'token', ...caller, '--scope', scope);
  return made.split('\n').at(-1) ?? '';
};
const up = () => compose('up', '--detach', '--build');

beforeAll(async () => {
  await prepare();
  await up();
  token = await makeToken();
  await untilAllEqual(token);
});
afterAll(() => compose('down', '--volumes', '--remove-orphans'));

describe('docker compose up', () => {
  it('starts three nodes that serve and can use the master key', async () => {
    const status = await untilAllEqual(token);
    expect(status?.nodes.map(({ state, masterKey }) => [state, masterKey])).toEqual(
      all.map(() => ['serving', 'usable']),
    );
  });

  it('gives nodes the cluster file and the master key, but neither the key of the authority nor the key that signs tokens', async () => {
    for (const node of all) {
      const files = await docker('exec', await getContainer(`node${node}`), 'ls', '/cluster');
      expect(files.split('\n')).toEqual(['cluster.json', 'kms.json']);
    }
  });

  it('keeps its containers when it is run again', async () => {
    const before = await containers();
    await up();
    expect(await containers()).toEqual(before);
    await untilAllEqual(token);
    expect(await ask(1, await makeToken(), '/NONE')).toMatchObject({ status: 404 });
  });

  it('refuses to make a token in the container of a node, because no node would trust it', async () => {
    const program = ['node', 'host/bin/token.ts', ...caller];
    await expect(docker('exec', await getContainer('node1'), ...program)).rejects.toThrow(
      // The message names the command that `makeToken` runs.
      '/data belongs to one node of a cluster, which signs no tokens: run docker compose run --rm init token on the',
    );
  });

  it('follows the access policy in a folder of this machine that is mounted into its nodes', async () => {
    const statuses = async () => {
      const replies = all.map((node) => ask(node, githubToken(), '/app.DB'));
      return (await Promise.all(replies)).map(({ status }) => status).join();
    };
    expect(await statuses()).toBe('401,401,401');
    writePolicy(githubPolicy());
    await untilSeen(statuses, (seen) => seen === '404,404,404');
  });
});

describe('a node', () => {
  it('is started again by Docker after it has ended by itself', async () => {
    const id = await getContainer('node2');
    const startedAt = () => docker('inspect', '--format', '{{.State.StartedAt}}', id);
    const first = await startedAt();
    await docker('exec', id, 'sh', '-c', 'kill -TERM 1');
    await until(async () => (await startedAt()) !== first);
    // The other nodes consider node 2 alive for a moment after its death, so node 2 must answer
    // itself.
    await untilSeen(
      () => ask(2, token, '/NONE'),
      ({ status }) => status === 404,
    );
    await untilAllEqual(token);
  });
});

describe('the container of a node', () => {
  it('listens beyond loopback only on the port of the vault, and on the ports between nodes in their own network', async () => {
    for (const node of all) {
      const id = await getContainer(`node${node}`);
      const beyond = (await listeningIn(id)).filter((address) => !address.startsWith('127.'));
      const peers = `10.213.77.${10 + node}`;
      expect(beyond.sort()).toEqual(['0.0.0.0:3000', `${peers}:2380`, `${peers}:2390`]);
      expect(await docker('port', id)).toBe(`3000/tcp -> ${new URL(urlOf(node)).host}`);
    }
  });

  it('can make a backup that contains secrets', async () => {
    await ask(1, token, '', { name: 'BACKED_UP', value: 'v' });
    const backup = ['node', 'host/bin/backup.ts', '/data/vault.backup', '--json'];
    const made = JSON.parse(await docker('exec', await getContainer('node2'), ...backup));
    expect(made.manifest.secrets).toBeGreaterThan(0);
  });

  it('accepts an empty log for --redo-destroys, although the image does not contain dsvault', async () => {
    const id = await getContainer('node2');
    const redo = 'node host/bin/restore.ts --redo-destroys - < /dev/null';
    expect(await docker('exec', id, 'sh', '-c', redo)).toBe(
      '0 versions destroyed again\n0 versions destroyed already\n0 versions not in the backup',
    );
  });

  it('keeps the ports between nodes on a network that this machine is not part of', async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    expect(addresses.filter(({ address }) => address.startsWith('10.213.77.'))).toEqual([]);
  });

  it('runs as an unprivileged user who cannot write to the code, and whose data nobody else can read', async () => {
    for (const node of all) {
      const id = await getContainer(`node${node}`);
      expect(await docker('exec', id, 'id', '-u')).toBe('1000');
      const write = docker('exec', id, 'sh', '-c', 'echo > /vault/host/bin/node.ts');
      await expect(write).rejects.toThrow(/[Rr]ead-only/);
      const folder = await docker('exec', id, 'sh', '-c', 'ls -ld /data; ls -l /cluster');
      expect(folder).toMatch(/^drwx------ /);
      expect(folder).toMatch(/^-rw------- .* cluster\.json$/m);
    }
  });
});
