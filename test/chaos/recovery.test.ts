/** One thing at a time that befalls a node, and that it comes back by itself, with the digest of the others. */
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';
import { createExchange } from './exchange.ts';
import { parts } from './nodes.ts';
import { inTime, settle } from './settle.ts';
import { bestNetwork, openSite, type Site } from './site.ts';

jest.setTimeout(240_000);

const settleMsMax = 60_000;
/** So long a node may be silent before the log is allowed to forget what it has not applied. */
const silenceMs = 60_000;
const logKept = 200;

describe('a node', () => {
  const folder = freshFolder();
  const exchange = createExchange();
  let site: Site;
  let written = 0;
  const acknowledged: string[] = [];

  const ask = async (node: number, method: string, path: string, body?: object) => {
    const { urls, token } = site.nodes;
    const headers = { Authorization: `Bearer ${token}` };
    const began = performance.now();
    const answer = await exchange(urls[node - 1] ?? '', { method, path, headers, body }, 20_000);
    const json = answer.kind === 'reply' ? JSON.parse(answer.text) : {};
    const status = answer.kind === 'reply' ? answer.status : answer.kind;
    return { status, json, ms: performance.now() - began };
  };
  const create = async (node: number) => {
    written += 1;
    const name = `NAME_${written}`;
    const { status } = await ask(node, 'POST', '/v1/secrets', { name, value: `of ${name}` });
    if (status === 201) acknowledged.push(name);
    return status;
  };
  /** Creates by these nodes until `until`, at least so many. */
  const createAt = async (nodes: readonly number[], least: number, until = 0) => {
    const client = async (node: number) => {
      for (let made = 0; made < least / nodes.length || Date.now() < until; made += 1) {
        await create(node);
        if (made > least / nodes.length) await sleep(500);
      }
    };
    await Promise.all([...nodes, ...nodes].map(client));
  };
  const stateOf = async (node: number) => (await site.nodes.status(node))?.state;
  const saidBy = (node: number) => readFileSync(join(folder, `node-${node}.log`), 'utf8');
  /** All nodes serve, at one digest, and each shows what was acknowledged last. */
  const expectWhole = async () => {
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    for (const node of site.nodes.all) {
      for (const name of acknowledged.slice(-20)) {
        const { status, json } = await ask(node, 'GET', `/v1/secrets/${name}`);
        expect([node, name, status, json.value]).toEqual([node, name, 200, `of ${name}`]);
      }
    }
  };

  beforeAll(async () => {
    const firstPort = 4_460;
    site = await openSite({ folder, network: bestNetwork(), firstPort, logKept });
    for (const node of site.nodes.all) site.nodes.start(node);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    await createAt([1, 2, 3], 60);
  });
  afterEach(expectWhole);
  afterAll(async () => {
    exchange.close();
    const tables = [];
    for (const node of site.nodes.all) {
      tables.push(await site.nodes.readTable(node, node === 1 ? 'checked' : 'read'));
    }
    await site.close();
    rmSync(folder, { recursive: true, force: true });
    expect(new Set(tables.map(({ digest }) => digest)).size).toBe(1);
    expect(tables.flatMap(({ violations }) => violations)).toEqual([]);
  });

  it('that was killed comes back, in the middle of writes', async () => {
    await site.nodes.kill(2);
    await createAt([1, 3], 40);
    site.nodes.start(2);
    await createAt([1, 3], 40);
  });

  it('that starts with all others after a loss of power knows what was acknowledged', async () => {
    const writing = createAt([1, 2, 3], 60);
    await sleep(200);
    await Promise.all(site.nodes.all.map((node) => site.nodes.kill(node)));
    await writing;
    for (const node of site.nodes.all.toReversed()) site.nodes.start(node);
  });

  it('that is alone refuses reads and writes within ten seconds, and serves again by itself', async () => {
    for (const node of [2, 3]) await site.nodes.kill(node);
    for (const [method, path, body] of [
      ['GET', `/v1/secrets/${acknowledged.at(-1)}`, undefined],
      ['POST', '/v1/secrets', { name: `ALONE_${written}`, value: 'alone' }],
      ['GET', `/v1/secrets/${acknowledged.at(-1)}`, undefined],
    ] as const) {
      const { status, json, ms } = await ask(1, method, path, body);
      expect([status, ms < 10_000]).toEqual([503, true]);
      expect(['store_unavailable', 'outcome_unknown']).toContain(json.code);
    }
    for (const node of [2, 3]) site.nodes.start(node);
  });

  it('that is cut off shows nothing stale, and all when it is healed', async () => {
    const heal = site.network.cut('peers', 1);
    await createAt([2, 3], 20);
    const name = acknowledged.at(-1);
    const alone = await ask(1, 'GET', `/v1/secrets/${name}`);
    expect([alone.status, alone.ms < 10_000]).toEqual([503, true]);
    heal();
    expect(await inTime(settleMsMax, async () => (await stateOf(1)) === 'serving')).toBe(true);
    expect((await ask(1, 'GET', `/v1/secrets/${name}`)).status).toBe(200);
  });

  it('whose folder was emptied fetches everything from the others', async () => {
    await site.nodes.kill(3);
    rmSync(site.nodes.folderOf(3), { recursive: true });
    site.nodes.start(3);
    await createAt([1, 2], 40);
  });

  it('that was given an older copy of its folder does not go back with it', async () => {
    await site.nodes.kill(2);
    cpSync(site.nodes.folderOf(2), join(folder, 'copy'), { recursive: true });
    site.nodes.start(2);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    await createAt([1, 2, 3], 60);
    await site.nodes.kill(2);
    rmSync(site.nodes.folderOf(2), { recursive: true });
    cpSync(join(folder, 'copy'), site.nodes.folderOf(2), { recursive: true });
    site.nodes.start(2);
    await createAt([1, 3], 40);
  });

  it('that stood still for a minute goes on from a snapshot, where the log begins after it', async () => {
    const resume = site.nodes.pause(3, parts);
    await createAt([1, 2], 2 * logKept, Date.now() + silenceMs + 15_000);
    const before = saidBy(3).length;
    resume();
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    expect(saidBy(3).slice(before)).toContain('takes a snapshot');
  });

  it('that was dead for a minute goes on from a snapshot, where the log begins after it', async () => {
    await site.nodes.kill(1);
    await createAt([2, 3], 2 * logKept, Date.now() + silenceMs + 15_000);
    const before = saidBy(1).length;
    site.nodes.start(1);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    expect(saidBy(1).slice(before)).toContain('takes a snapshot');
  });

  it('whose data differ from those of the others says so and serves nothing until it is emptied', async () => {
    await site.nodes.kill(2);
    const store = new DatabaseSync(join(site.nodes.folderOf(2), 'store.sqlite'));
    const changed = store
      .prepare(`UPDATE vault SET item_json = replace(item_json, '"client"', '"nobody"')`)
      .run();
    store.close();
    expect(changed.changes).toBeGreaterThan(0);
    site.nodes.start(2);
    expect(await inTime(settleMsMax, async () => (await stateOf(2)) === 'diverged')).toBe(true);
    const { status } = await ask(2, 'GET', `/v1/secrets/${acknowledged.at(-1)}`);
    expect(status).toBe(503);
    expect(saidBy(2)).toMatch(/node 2 is diverged: .* differs from/);
    expect([await stateOf(1), await stateOf(3)]).toEqual(['serving', 'serving']);
    await site.nodes.kill(2);
    rmSync(site.nodes.folderOf(2), { recursive: true });
    site.nodes.start(2);
  });
});
