/** Three nodes for tests of one fault at a time, and a client that remembers what was acknowledged. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { createExchange } from './exchange.ts';
import { inTime, settle } from './settle.ts';
import { bestNetwork, openSite, type Site } from './site.ts';

export const settleMsMax = 60_000;
/** More than a request may last. */
const patienceMs = 20_000;

export type Trial = {
  readonly site: Site;
  readonly folder: string;
  readonly ask: (
    node: number,
    method: string,
    path: string,
    body?: object,
  ) => Promise<{
    /** The status of the reply, or why there is none. */
    readonly status: number | string;
    readonly json: {
      readonly code?: string;
      readonly value?: string;
      readonly version?: number;
    };
    readonly ms: number;
  }>;
  /** Names of secrets whose creation was acknowledged. */
  readonly acknowledged: readonly string[];
  /** Creates secrets at these nodes until `until` (`Date.now()`), at least so many. */
  readonly createAt: (nodes: readonly number[], least: number, until?: number) => Promise<void>;
  readonly stateOf: (node: number) => Promise<string | undefined>;
  /** Fails unless the node comes into the state within a minute. */
  readonly untilState: (node: number, state: string) => Promise<void>;
  /** The node whose etcd leads. */
  readonly leader: () => Promise<number>;
  /** All messages of the node so far. */
  readonly saidBy: (node: number) => string;
  /** Kills the node, deletes its folder and starts it. */
  readonly wipe: (node: number) => Promise<void>;
  /** Waits until all nodes serve at one digest. Then each must show what was acknowledged last. */
  readonly expectWhole: () => Promise<void>;
  /** Ends the nodes. Their tables must have been equal and whole. */
  readonly close: () => Promise<void>;
};

export const openTrial = async (): Promise<Trial> => {
  const folder = freshFolder();
  const exchange = createExchange();
  const site = await openSite({ folder, network: bestNetwork() });
  const { nodes } = site;
  const acknowledged: string[] = [];
  let written = 0;

  const ask: Trial['ask'] = async (node, method, path, body) => {
    const headers = { Authorization: `Bearer ${nodes.token}` };
    const sent = { method, path, headers, body };
    const began = performance.now();
    const answer = await exchange(nodes.urls[node - 1] ?? '', sent, patienceMs);
    const json = answer.kind === 'reply' ? JSON.parse(answer.text) : {};
    const status = answer.kind === 'reply' ? answer.status : answer.kind;
    return { status, json, ms: performance.now() - began };
  };
  const create = async (node: number): Promise<void> => {
    written += 1;
    const name = `NAME_${written}`;
    const { status } = await ask(node, 'POST', '/v1/secrets', { name, value: `of ${name}` });
    if (status === 201) acknowledged.push(name);
  };
  const stateOf = async (node: number) => (await nodes.status(node))?.state;
  const start = async (): Promise<void> => {
    for (const node of nodes.all) nodes.start(node);
    expect(await settle(nodes, settleMsMax)).toEqual([]);
  };
  const close = async (): Promise<void> => {
    exchange.close();
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ site, folder, ask, acknowledged, stateOf },
    createAt: async (at, least, until = 0) => {
      const client = async (node: number) => {
        for (let made = 0; made < least / at.length || Date.now() < until; made += 1) {
          await create(node);
          if (made > least / at.length) await sleep(500);
        }
      };
      await Promise.all([...at, ...at].map(client));
    },
    untilState: async (node, state) => {
      const isSo = await inTime(settleMsMax, async () => (await stateOf(node)) === state);
      expect([node, isSo ? state : await stateOf(node)]).toEqual([node, state]);
    },
    leader: async () => {
      let leader: number | undefined;
      await inTime(settleMsMax, async () => {
        const all = await Promise.all(nodes.all.map(nodes.status));
        leader = all.find((status) => status?.leader)?.node;
        return leader !== undefined;
      });
      if (leader === undefined) throw new Error('no node leads');
      return leader;
    },
    saidBy: (node) => readFileSync(join(folder, `node-${node}.log`), 'utf8'),
    wipe: async (node) => {
      await nodes.kill(node);
      rmSync(nodes.folderOf(node), { recursive: true });
      nodes.start(node);
    },
    expectWhole: async () => {
      expect(await settle(nodes, settleMsMax)).toEqual([]);
      for (const node of nodes.all) {
        for (const name of acknowledged.slice(-20)) {
          const { status, json } = await ask(node, 'GET', `/v1/secrets/${name}`);
          expect([node, name, status, json.value]).toEqual([node, name, 200, `of ${name}`]);
        }
      }
    },
    close: async () => {
      try {
        const tables = [];
        for (const node of nodes.all) {
          tables.push(await nodes.readTable(node, node === 1 ? 'checked' : 'read'));
        }
        expect(new Set(tables.map(({ digest }) => digest)).size).toBe(1);
        expect(tables.flatMap(({ violations }) => violations)).toEqual([]);
      } finally {
        await close();
      }
    },
  };
};
