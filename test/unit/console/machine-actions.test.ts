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

const setUp = (vaults: readonly LocalVault[], addr = addrOf(1)) => {
  const asked: string[] = [];
  const actions = machineActions({
    addr,
    findLocal: createFindLocal(addr, async () => vaults),
    clientOf: (url) =>
      (async (id: string) => {
        asked.push(`${id} ${url}`);
        if (url === addrOf(2)) throw failure('cannot reach it', { kind: 'unavailable' });
        return { status: 'ok' };
      }) as Client,
  });
  const left = new AbortController();
  const silent: string[] = [];
  const onSilence = (who: string) => void silent.push(who);
  const act = async (name: string, given: unknown = {}) =>
    (await actions.get(name)?.(given, left.signal, onSilence)) as Answer;
  const follow = (name: string, given: unknown) =>
    actions.get(name)?.(given, left.signal, onSilence) as Promise<AsyncIterable<unknown>>;
  return { act, follow, asked, silent, leave: () => left.abort() };
};

describe('finding the vault of the console on this machine', () => {
  it.each([
    ['http://localhost:3002', 'cluster'],
    ['http://127.0.0.1:3003', 'cluster'],
    ['http://127.0.0.1:3000', 'start'],
    ['http://127.0.0.1:3009', null],
    ['https://vault.example.com', null],
  ])('recognises the kind of the vault at %s by its address: %s', async (addr, kind) => {
    const { act } = setUp([single, clusterIn()], addr);
    expect(await act('local')).toEqual({ status: 200, body: { kind, canRead: false } });
  });

  it('happens once, so the vault is still known when none of its programs is running', async () => {
    let looks = 0;
    const findLocal = createFindLocal(addrOf(1), async () => {
      looks += 1;
      return looks === 1 ? [clusterIn()] : [];
    });
    await Promise.all([findLocal(), findLocal()]);
    expect((await findLocal())?.name).toBe('cluster');
    expect(looks).toBe(1);
  });

  it('is repeated after 10 s if the vault was not found, because it may start later', async () => {
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

  it("is skipped if the vault's address is on another machine", async () => {
    const findLocal = createFindLocal('https://vault.example.com', async () => {
      throw new Error('it was looked for');
    });
    expect(await findLocal()).toBeUndefined();
  });
});

describe('the actions of the console on nodes', () => {
  it('ask all nodes, and show a dead one as unreachable beside the answers of the others', async () => {
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

  it('ask one address if the vault is on another machine', async () => {
    const { act, asked } = setUp([], 'https://vault.example.com');
    await act('nodes');
    expect(asked).toEqual(['get-status https://vault.example.com']);
  });
});

describe('a read in the console', () => {
  const absent = {
    'a dead node': failure('cannot reach it', { kind: 'unavailable' }),
    'a node that is cut off': refusal({
      code: 'store_unavailable',
      detail: 'no majority',
    } as Problem),
  };
  const refused = failure('the token is refused', { kind: 'denied' });
  /**
   * Returns a client that reads from the nodes, each of which answers with its number, or fails if
   * `faults` has a failure for it. The number 0 stands for the profile's own client, which has no
   * short time limit.
   */
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
    'soon goes to another node instead of %s, and the next read goes there at once',
    async (_, fault) => {
      const { client, asked } = setUpReads({ 1: fault, 2: fault });
      expect(await client('whoami')).toEqual({ node: 3 });
      expect(await client('list-secrets')).toEqual({ node: 3 });
      expect(asked).toEqual([1, 2, 3, 3]);
    },
  );

  it('waits longer for the node of the profile if no node has answered soon', async () => {
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

  it('fails with the refusal of the first node that answers', async () => {
    const { client, asked } = setUpReads({ 1: absent['a dead node'], 2: refused });
    await expect(client('whoami')).rejects.toBe(refused);
    expect(asked).toEqual([1, 2]);
  });

  it('may ask another node, while a write asks only the node of the profile', async () => {
    const { client, asked } = setUpReads({ 0: absent['a dead node'] });
    for (const id of ['create-secret', 'encrypt-env', 'delete-secret'] as const) {
      await expect(client(id)).rejects.toThrow('cannot reach it');
    }
    expect(asked).toEqual([0, 0, 0]);
    expect(await client('expand-env')).toEqual({ node: 1 });
  });

  it('reports a node that has been silent for 500 ms, but none once an answer has arrived', async () => {
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
      // It takes 50 ms to find the other nodes. After that, an answer arrives while the name of the
      // silent node is looked up.
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

  it('waits longer from the beginning if the vault is on another machine', async () => {
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

describe('the activity view of the console', () => {
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

  it('returns the lines of a request from all nodes, even from the older file of a full log', async () => {
    const { write, act } = setUpLogs();
    const id = 'c484c830-0000-4000-8000-000000000000';
    write(1, line(id, 1_000), 'log.1');
    write(1, line('c484c830-another', 1_500) + line(id, 3_000));
    write(2, line(id, 2_000) + line('other', 2_500, { secret: id }));
    const { body } = await act('story', { requestId: id });
    expect(idsOf(body)).toEqual([`1 ${id}`, `2 ${id}`, `1 ${id}`]);
  });

  it('starts with the newest 200 lines that match, while the story of a request has at most 500', async () => {
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

  it('shows who has read a secret, from the logs of all nodes', async () => {
    const { write, act } = setUpLogs();
    write(1, line('request-1', 1_000, { tenant: 'acme', subject: 'alice', read: ['A@1'] }));
    write(2, line('request-2', 2_000, { tenant: 'acme', subject: 'alice', read: ['A@2'] }));
    const { body } = await act('holders', { name: 'A' });
    const at = (version: number) => ({
      version,
      timestamp: new Date(version * 1_000).toISOString(),
    });
    expect(body).toMatchObject({
      holders: [{ tenant: 'acme', subject: 'alice', read: [at(2), at(1)], pinned: [], current: 2 }],
      begins: at(2).timestamp,
      unreadable: 0,
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
