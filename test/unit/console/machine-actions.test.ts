import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { LocalVault } from '../../../cli/checkout.ts';
import type { Client } from '../../../cli/client.ts';
import { failure } from '../../../cli/failures.ts';
import { createFindLocal } from '../../../console/local-vault.ts';
import { machineActions } from '../../../console/machine-actions.ts';
import { readingElsewhere } from '../../../console/other-nodes.ts';
import type { Answer } from '../../../console/server.ts';
import { freshFolder } from '../../support/local-process.ts';

const addrOf = (node: number) => `http://127.0.0.1:300${node}`;
const clusterIn = (folder?: string): LocalVault => ({
  name: 'cluster',
  nodes: [1, 2, 3].map((node) => ({
    node,
    url: addrOf(node),
    log: folder === undefined ? null : join(folder, `node-${node}`, 'log'),
  })),
});
const single: LocalVault = {
  name: 'start',
  nodes: [{ node: null, url: 'http://127.0.0.1:3000', log: null }],
};

const setUp = (vaults: readonly LocalVault[], addr = addrOf(1)) => {
  const commands: string[] = [];
  const asked: string[] = [];
  const actions = machineActions({
    addr,
    findLocal: createFindLocal(addr, async () => vaults),
    clientOf: (url) =>
      (async (id: string) => {
        asked.push(`${id} ${url}`);
        if (url === addrOf(2)) throw failure('unavailable', 'cannot reach it');
        return { status: 'ok' };
      }) as Client,
    checkout: {
      command: async (...words) => {
        commands.push(words.join(' '));
        if (words[0] === 'wipe') throw failure('other', 'node 2 keeps its data');
        return words[0] === 'status' ? '{"nodes":[]}' : 'done';
      },
      newToken: async () => 'token',
    },
  });
  const left = new AbortController();
  const act = async (name: string, given: unknown = {}) =>
    (await actions.get(name)?.(given, left.signal)) as Answer;
  const follow = (name: string, given: unknown) =>
    actions.get(name)?.(given, left.signal) as Promise<AsyncIterable<unknown>>;
  return { act, follow, commands, asked, leave: () => left.abort() };
};

describe('the search for the vault of the console', () => {
  it.each([
    ['http://localhost:3002', 'cluster'],
    ['http://127.0.0.1:3003', 'cluster'],
    ['http://127.0.0.1:3000', 'start'],
    ['http://127.0.0.1:3009', null],
    ['https://vault.example.com', null],
  ])('knows the vault at %s by its address as %s', async (addr, kind) => {
    const { act } = setUp([single, clusterIn()], addr);
    expect(await act('local')).toMatchObject({
      status: 200,
      body: { kind, addr, canChange: kind === 'cluster', canRead: false, canWrite: kind !== null },
    });
  });

  it('runs once, so that the vault is still known when none of its programs runs', async () => {
    let looks = 0;
    const findLocal = createFindLocal(addrOf(1), async () => {
      looks += 1;
      return looks === 1 ? [clusterIn()] : [];
    });
    await Promise.all([findLocal(), findLocal()]);
    expect((await findLocal())?.name).toBe('cluster');
    expect(looks).toBe(1);
  });

  it('skips this machine if the address of the vault is elsewhere', async () => {
    const findLocal = createFindLocal('https://vault.example.com', async () => {
      throw new Error('it was looked for');
    });
    expect(await findLocal()).toBeUndefined();
  });
});

describe('the actions of the console on nodes', () => {
  it('ask all nodes, and show the others if one node is dead', async () => {
    const { act, asked } = setUp([clusterIn()]);
    expect((await act('nodes')).body).toEqual({
      answers: [
        { addr: addrOf(1), status: { status: 'ok' }, refusal: null },
        {
          addr: addrOf(2),
          status: null,
          refusal: expect.objectContaining({ code: 'unreachable' }),
        },
        { addr: addrOf(3), status: { status: 'ok' }, refusal: null },
      ],
    });
    expect(asked).toEqual([1, 2, 3].map((node) => `get-status ${addrOf(node)}`));
  });

  it('ask one address for a vault elsewhere', async () => {
    const { act, asked } = setUp([], 'https://vault.example.com');
    await act('nodes');
    expect(asked).toEqual(['get-status https://vault.example.com']);
  });

  it('change a node by the command of the cluster, and pass on its refusal', async () => {
    const { act, commands } = setUp([clusterIn()]);
    expect(await act('change-node', { action: 'kill', node: 2 })).toEqual({
      status: 200,
      body: { said: 'done' },
    });
    expect(await act('change-node', { action: 'wipe', node: 2 })).toMatchObject({
      status: 502,
      body: { detail: 'node 2 keeps its data' },
    });
    expect(await act('processes')).toEqual({ status: 200, body: { nodes: [] } });
    expect(commands).toEqual(['kill 2', 'wipe 2', 'status --json']);
  });

  it('refuse unknown changes, and any change of a vault that is no cluster of this machine', async () => {
    const { act, commands } = setUp([clusterIn()]);
    for (const given of [
      { action: 'stop', node: 2 },
      { action: 'kill', node: 4 },
      { action: 'kill', node: '2' },
      { action: 'kill', node: 2, more: '--docker' },
      { action: 'down' },
    ]) {
      expect(await act('change-node', given)).toMatchObject({ status: 400 });
    }
    const other = setUp([single], 'http://127.0.0.1:3000');
    expect(await other.act('change-node', { action: 'kill', node: 2 })).toMatchObject({
      status: 400,
    });
    expect([...commands, ...other.commands]).toEqual([]);
  });
});

describe('a read of the console', () => {
  const vault = clusterIn();
  const dead = (async () => {
    throw failure('unavailable', 'cannot reach it');
  }) as Client;
  const refused = failure('denied', 'the token is refused');

  it('reaches another node while the node of the profile is dead, unlike a write', async () => {
    const client = readingElsewhere(
      dead,
      async () => vault,
      (url) => (url === addrOf(3) ? ((async () => ({ at: url })) as unknown as Client) : dead),
    );
    expect(await client('whoami')).toEqual({ at: addrOf(3) });
    await expect(client('create-secret')).rejects.toThrow('cannot reach it');
    await expect(client('expand-env')).rejects.toThrow('cannot reach it');
  });

  it('fails with the refusal of the first node that answers, or with the lost connection if no node does', async () => {
    const refusing = (async () => {
      throw refused;
    }) as Client;
    const some = readingElsewhere(
      dead,
      async () => vault,
      () => refusing,
    );
    await expect(some('whoami')).rejects.toBe(refused);
    const none = readingElsewhere(
      dead,
      async () => vault,
      () => dead,
    );
    await expect(none('whoami')).rejects.toThrow('cannot reach it');
    const elsewhere = readingElsewhere(
      dead,
      async () => undefined,
      () => refusing,
    );
    await expect(elsewhere('whoami')).rejects.toThrow('cannot reach it');
    const own = readingElsewhere(
      refusing,
      async () => vault,
      () => (async () => ({})) as unknown as Client,
    );
    await expect(own('whoami')).rejects.toBe(refused);
  });
});

describe('the activity of the console', () => {
  const line = (requestId: string, ms: number, more = {}) =>
    `${JSON.stringify({
      message: 'request',
      timestamp: new Date(ms).toISOString(),
      requestId,
      operation: 'get-secret',
      secret: 'A',
      outcome: 'ok',
      ...more,
    })}\n`;
  const setUpLogs = () => {
    const folder = freshFolder();
    for (const node of [1, 2, 3]) mkdirSync(join(folder, `node-${node}`));
    const write = (node: number, text: string, name = 'log') =>
      writeFileSync(join(folder, `node-${node}`, name), text, { flag: 'a' });
    return { write, ...setUp([clusterIn(folder)]) };
  };
  const idsOf = (part: unknown) =>
    (part as { lines: { node: number; requestId: string }[] }).lines.map(
      ({ node, requestId }) => `${node} ${requestId}`,
    );

  it('gives the matching lines of all nodes in order, then those that come, until the page leaves', async () => {
    const { write, follow, leave } = setUpLogs();
    write(1, line('request-1', 1_000) + line('request-3', 3_000));
    write(2, line('request-2', 2_000) + line('other', 2_500, { secret: 'B' }));
    const parts = (await follow('activity', { secret: 'a' }))[Symbol.asyncIterator]();
    expect(idsOf((await parts.next()).value)).toEqual([
      '1 request-1',
      '2 request-2',
      '1 request-3',
    ]);
    write(3, line('request-4', 4_000) + line('other', 4_500, { secret: 'B' }));
    expect(idsOf((await parts.next()).value)).toEqual(['3 request-4']);
    const end = parts.next();
    leave();
    expect((await end).done).toBe(true);
  });

  it('tells the story of a request across the nodes, also from a log that is full', async () => {
    const { write, act } = setUpLogs();
    const id = 'c484c830-0000-4000-8000-000000000000';
    write(1, line(id, 1_000), 'log.1');
    write(1, line('c484c830-another', 1_500) + line(id, 3_000));
    write(2, line(id, 2_000) + line('other', 2_500, { secret: id }));
    const { body } = await act('story', { requestId: id });
    expect(idsOf(body)).toEqual([`1 ${id}`, `2 ${id}`, `1 ${id}`]);
  });

  it('begins with the newest 200 lines that match, and a story has 500 at most', async () => {
    const { write, follow, act, leave } = setUpLogs();
    const id = 'c484c830-0000-4000-8000-000000000000';
    for (let count = 1; count <= 600; count += 1) write(1, line(id, count));
    const parts = (await follow('activity', {}))[Symbol.asyncIterator]();
    const { lines } = (await parts.next()).value as { lines: { timestamp: string }[] };
    expect(lines).toHaveLength(200);
    expect(Date.parse(lines.at(-1)?.timestamp ?? '')).toBe(600);
    expect(idsOf((await act('story', { requestId: id })).body)).toHaveLength(500);
    leave();
    expect((await parts.next()).done).toBe(true);
  });

  it('refuses an unknown filter and a malformed id with 400', async () => {
    const { act } = setUpLogs();
    expect(await act('activity', { file: '/etc/passwd' })).toMatchObject({ status: 400 });
    for (const requestId of ['', '../../etc', 'a b c d e f', 'x'.repeat(65), 1]) {
      expect(await act('story', { requestId })).toMatchObject({ status: 400 });
    }
  });
});
