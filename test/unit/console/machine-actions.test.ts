import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { createConsoleClient } from '../../../cli/console/console-client.ts';
import { machineActions } from '../../../cli/console/machine-actions.ts';
import type { Answer } from '../../../cli/console/server.ts';
import { createFindLocal, type LocalVault } from '../../../cli/requests/local-vaults.ts';
import type { Client } from '../../../cli/requests/vault-client.ts';
import type { Problem } from '../../../client/types.ts';
import { type Failure, failure, refusal } from '../../../system/failures.ts';
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

const setUp = (vaults: readonly LocalVault[], addr = addrOf(1), faults = true) => {
  const commands: string[] = [];
  const asked: string[] = [];
  /** The state of each node; '' if it does not answer. */
  const states = ['', '', ''];
  /** The failures of the next commands `status`. */
  const failures: Error[] = [];
  const actions = machineActions({
    addr,
    faults,
    findLocal: createFindLocal(addr, async () => vaults),
    clientOf: (url) =>
      (async (id: string) => {
        asked.push(`${id} ${url}`);
        const node = Number(url.at(-1));
        const state = states[node - 1];
        if (state) return { status: 'ok', node: { node, nodes: [{ node, state }] } };
        if (url === addrOf(2)) throw failure('cannot reach it', { kind: 'unavailable' });
        return { status: 'ok' };
      }) as Client,
    checkout: {
      command: async (...words) => {
        commands.push(words.join(' '));
        const fault = words[0] === 'status' ? failures.shift() : undefined;
        if (fault) throw fault;
        if (words[0] === 'wipe') throw failure('node 2 keeps its data');
        return words[0] === 'status' ? '{"nodes":[]}' : 'done';
      },
      newToken: async () => 'token',
    },
  });
  const left = new AbortController();
  const silent: string[] = [];
  const onSilence = (who: string) => void silent.push(who);
  const act = async (name: string, given: unknown = {}) =>
    (await actions.get(name)?.(given, left.signal, onSilence)) as Answer;
  const follow = (name: string, given: unknown) =>
    actions.get(name)?.(given, left.signal, onSilence) as Promise<AsyncIterable<unknown>>;
  return {
    actions,
    act,
    follow,
    commands,
    asked,
    states,
    failures,
    silent,
    leave: () => left.abort(),
  };
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
    const isCluster = kind === 'cluster';
    expect(await act('local')).toMatchObject({
      status: 200,
      body: { kind, canChange: isCluster, canRead: false },
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

  it('runs again after 10 s while the vault is not found, because it may be started later', async () => {
    let nowMs = 0;
    let looks = 0;
    const find = createFindLocal(
      addrOf(1),
      async () => {
        looks += 1;
        if (looks === 1) throw failure('the checkout has no Node');
        return looks === 2 ? [single] : [clusterIn()];
      },
      () => nowMs,
    );
    await expect(find()).rejects.toThrow('the checkout has no Node');
    await expect(find()).rejects.toThrow('the checkout has no Node');
    nowMs = 10_000;
    expect(await find()).toBeUndefined();
    nowMs = 19_999;
    expect(await find()).toBeUndefined();
    nowMs = 20_000;
    expect((await find())?.name).toBe('cluster');
    nowMs = 1e9;
    expect((await find())?.name).toBe('cluster');
    expect(looks).toBe(3);
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
      processes: null,
    });
    expect(asked).toEqual([1, 2, 3].map((node) => `get-status ${addrOf(node)}`));
  });

  it('ask one address for a vault elsewhere, and look for no process', async () => {
    const { act, asked, commands } = setUp([], 'https://vault.example.com');
    await act('nodes');
    expect(asked).toEqual(['get-status https://vault.example.com']);
    expect(commands).toEqual([]);
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
    expect(commands).toEqual(['kill 2', 'status --json', 'wipe 2']);
    expect((await act('nodes')).body).toMatchObject({ processes: { nodes: [] } });
  });

  it('change no node and make no test writes without --faults, also if a page asks', async () => {
    const { actions, act } = setUp([clusterIn()], addrOf(1), false);
    expect([...actions.keys()].sort()).toEqual(['activity', 'holders', 'local', 'nodes', 'story']);
    const { body } = await act('local');
    expect(body).toMatchObject({ kind: 'cluster', canChange: false });
  });

  it('look at the processes again when a node has changed, while one does not serve, and after a failed look', async () => {
    jest.useFakeTimers();
    try {
      const { act, commands, states, failures } = setUp([clusterIn()]);
      const looksAfter = async (...now: readonly string[]): Promise<number> => {
        states.splice(0, 3, ...now);
        await act('nodes');
        await jest.advanceTimersByTimeAsync(1_000);
        return commands.length;
      };
      const [serving, killed] = [
        ['serving', 'serving', 'serving'],
        ['serving', '', 'serving'],
      ];
      failures.push(failure('the cluster gave no answer'));
      const looks: number[] = [];
      for (const now of [
        ...[serving, serving, serving, serving, serving],
        ...[killed, killed, killed, serving, serving, serving],
      ]) {
        looks.push(await looksAfter(...now));
      }
      expect(looks).toEqual([1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 5]);
    } finally {
      jest.useRealTimers();
    }
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
  const absent = {
    'a dead node': failure('cannot reach it', { kind: 'unavailable' }),
    'a node that is cut off': refusal({
      code: 'store_unavailable',
      detail: 'no majority',
    } as Problem),
  };
  const refused = failure('the token is refused', { kind: 'denied' });
  /** Nodes that answer with their number, unless `faults` has a failure for them; 0 is the patient client. */
  const setUpReads = (faults: Readonly<Record<number, Failure>>, vault = [clusterIn()]) => {
    const asked: number[] = [];
    const answers = (node: number) =>
      (async () => {
        asked.push(node);
        const fault = faults[node];
        if (fault !== undefined) throw fault;
        return { node };
      }) as unknown as Client;
    const client = createConsoleClient({
      addr: addrOf(1),
      client: answers(0),
      findLocal: createFindLocal(addrOf(1), async () => vault),
      clientOf: (url) => answers(Number(url.at(-1))),
    });
    return { client, asked };
  };

  it.each(Object.entries(absent))(
    'goes soon to another node in place of %s, and next time at once to the node that answered',
    async (_, fault) => {
      const { client, asked } = setUpReads({ 1: fault, 2: fault });
      expect(await client('whoami')).toEqual({ node: 3 });
      expect(await client('list-secrets')).toEqual({ node: 3 });
      expect(asked).toEqual([1, 2, 3, 3]);
    },
  );

  it('waits for the node of the profile once no node has answered soon', async () => {
    const fault = absent['a dead node'];
    const { client, asked } = setUpReads({ 1: fault, 2: fault, 3: fault });
    expect(await client('whoami')).toEqual({ node: 0 });
    const alone = setUpReads({ 1: fault }, []);
    expect(await alone.client('whoami')).toEqual({ node: 0 });
    expect([asked, alone.asked]).toEqual([
      [1, 2, 3, 0],
      [1, 0],
    ]);
  });

  it('ends with the refusal of the first node that answers', async () => {
    const { client, asked } = setUpReads({ 1: absent['a dead node'], 2: refused });
    await expect(client('whoami')).rejects.toBe(refused);
    expect(asked).toEqual([1, 2]);
  });

  it('asks another node, and a write asks only the node of the profile', async () => {
    const { client, asked } = setUpReads({ 0: absent['a dead node'] });
    for (const id of ['create-secret', 'encrypt-env', 'delete-secret'] as const) {
      await expect(client(id)).rejects.toThrow('cannot reach it');
    }
    expect(asked).toEqual([0, 0, 0]);
    expect(await client('expand-env')).toEqual({ node: 1 });
  });

  it('names the silent node after 500 ms, and no node after an answer', async () => {
    jest.useFakeTimers();
    try {
      const answers: PromiseWithResolvers<unknown>[] = [];
      const waiting = (() => {
        const answer = Promise.withResolvers<unknown>();
        answers.push(answer);
        return answer.promise;
      }) as unknown as Client;
      const client = createConsoleClient({
        addr: 'http://localhost:3001',
        client: waiting,
        findLocal: () => new Promise((found) => setTimeout(() => found(clusterIn()), 50)),
        clientOf: () => waiting,
      });
      const silent: string[] = [];
      const reply = client('whoami', {}, (who) => void silent.push(who));
      await jest.advanceTimersByTimeAsync(549);
      expect(silent).toEqual([]);
      await jest.advanceTimersByTimeAsync(1);
      expect(silent).toEqual(['node 1']);
      answers[0]?.reject(absent['a dead node']);
      // The search for the other nodes takes 50 ms, and an answer comes while the name of the node is looked
      // up.
      await jest.advanceTimersByTimeAsync(50 + 500);
      answers[1]?.resolve({ node: 2 });
      expect(await reply).toEqual({ node: 2 });
      await jest.advanceTimersByTimeAsync(1_000);
      expect(silent).toEqual(['node 1']);
      const written = client('create-secret', {}, (who) => void silent.push(who));
      await jest.advanceTimersByTimeAsync(600);
      answers[2]?.resolve({});
      await written;
      expect(jest.getTimerCount()).toBe(0);
      const soon = client('create-secret', {}, (who) => void silent.push(who));
      answers[3]?.resolve({});
      await soon;
      expect(jest.getTimerCount()).toBe(0);
      expect(silent).toEqual(['node 1', 'node 1']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('waits from the beginning for a vault that is not on this machine', async () => {
    const patient = (async () => ({ node: 0 })) as unknown as Client;
    const client = createConsoleClient({
      addr: 'https://vault.example.com',
      client: patient,
      findLocal: async () => undefined,
      clientOf: () => (async () => ({ node: 1 })) as unknown as Client,
    });
    expect(await client('whoami')).toEqual({ node: 0 });
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

  it('yields the matching lines of all nodes in order, then new ones, until the page leaves', async () => {
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

  it('returns the lines of a request from all nodes, also from the older file of a full log', async () => {
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

  it('tells who has read a secret, by the logs of all nodes', async () => {
    const { write, act } = setUpLogs();
    write(1, line('request-1', 1_000, { tenant: 'acme', subject: 'alice', read: ['A@1'] }));
    write(2, line('request-2', 2_000, { tenant: 'acme', subject: 'alice', read: ['A@2'] }));
    const { body } = await act('holders', { name: 'A' });
    expect(body).toEqual({
      lines: [
        expect.stringMatching(/^acme {2}alice {2}\S+ {2}read 2 .* older 1 .* current 2$/),
        expect.stringMatching(/^the log begins at /),
      ],
    });
  });

  it('names a log that cannot be read', async () => {
    const folder = freshFolder();
    const nodes = [{ node: null, url: addrOf(1), log: folder }];
    const { follow, act } = setUp([{ name: 'start', nodes }]);
    const detail = `the log ${folder} cannot be read (EISDIR)`;
    const parts = (await follow('activity', {}))[Symbol.asyncIterator]();
    await expect(parts.next()).rejects.toThrow(detail);
    expect(await act('story', { requestId: 'c484c830-0000' })).toMatchObject({
      ...{ status: 502, body: { detail } },
    });
  });

  it('refuses an unknown filter, a malformed name and a malformed id with 400', async () => {
    const { act } = setUpLogs();
    expect(await act('activity', { file: '/etc/passwd' })).toMatchObject({ status: 400 });
    expect(await act('holders', { name: 'a b' })).toMatchObject({ status: 400 });
    for (const requestId of ['', '../../etc', 'a b c d e f', 'x'.repeat(65), 1]) {
      expect(await act('story', { requestId })).toMatchObject({ status: 400 });
    }
  });
});
