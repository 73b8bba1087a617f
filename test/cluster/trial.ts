/** Three nodes for tests of one fault at a time, and a client that remembers what was acknowledged. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';
import { closeConnections } from '../support/raw-http.ts';
import { untilSeen } from '../support/until.ts';
import { ask as exchange } from './chaos/exchange.ts';
import type { Nodes } from './chaos/nodes.ts';
import { settle } from './chaos/settle.ts';
import { bestNetwork, openSite } from './chaos/site.ts';

const settleMsMax = 60_000;
/** More than a request may last. */
const patienceMs = 20_000;

type Reply = {
  /** The status of the reply, or why there is none. */
  readonly status: number | string;
  readonly json: {
    readonly code?: string;
    readonly value?: string;
    readonly content?: string;
    readonly version?: number;
    readonly anchor?: string;
    readonly created?: readonly { readonly version: number }[];
  };
  readonly ms: number;
};

export type Trial = {
  readonly nodes: Nodes;
  readonly folder: string;
  /** With a key, a request may be repeated. */
  readonly ask: (
    node: number,
    method: string,
    path: string,
    body?: object,
    key?: string,
  ) => Promise<Reply>;
  /** Sends a write to these nodes in turn, with one key, until one answers it with success. Fails after a minute. */
  readonly write: (
    nodes: readonly number[],
    method: string,
    path: string,
    body: object,
  ) => Promise<Reply>;
  readonly read: (node: number, name: string) => Promise<Reply>;
  /** Names of secrets whose creation was acknowledged. */
  readonly acknowledged: readonly string[];
  /** Creates a secret on the first of these nodes that acknowledges it, within a minute. Returns its name. */
  readonly create: (nodes: readonly number[], more?: string) => Promise<string>;
  /** Creates secrets at these nodes until `until` (`Date.now()`), at least so many. */
  readonly createAt: (nodes: readonly number[], least: number, until?: number) => Promise<void>;
  /** Fails unless the node comes into the state within a minute. */
  readonly untilState: (node: number, state: string) => Promise<void>;
  /** Fails unless all nodes serve within a minute. */
  readonly untilServing: () => Promise<void>;
  /** Fails unless all nodes serve within a minute, at one revision with one digest. */
  readonly settled: () => Promise<void>;
  /** The node whose etcd leads. */
  readonly leader: () => Promise<number>;
  /** Each node shows the secret. */
  readonly expectEverywhere: (name: string) => Promise<void>;
  /** Waits until all nodes serve at one digest. Then each must show what was acknowledged last. */
  readonly expectWhole: () => Promise<void>;
  /** Ends the nodes. Their tables must have been equal and whole. */
  readonly close: () => Promise<void>;
};

/** Starts the nodes, on a network with so many machines more. */
export const openTrial = async (spare = 0): Promise<Trial> => {
  const folder = freshFolder();
  const site = await openSite({ folder, network: bestNetwork(), spare });
  const { nodes } = site;
  const acknowledged: string[] = [];
  let written = 0;

  const ask: Trial['ask'] = async (node, method, path, body, key) => {
    const headers = {
      Authorization: `Bearer ${nodes.token}`,
      ...(key !== undefined && { 'Idempotency-Key': key }),
    };
    const began = performance.now();
    const answer = await exchange(nodes.urlOf(node), { method, path, headers, body }, patienceMs);
    const json = answer.kind === 'reply' ? JSON.parse(answer.text) : {};
    const status = answer.kind === 'reply' ? answer.status : answer.kind;
    return { status, json, ms: performance.now() - began };
  };
  const write: Trial['write'] = (at, method, path, body) => {
    const key = randomUUID();
    const isDone = ({ status }: Reply) => typeof status === 'number' && status < 300;
    let turn = -1;
    const tryNext = () => {
      turn += 1;
      return ask(at[turn % at.length] ?? 1, method, path, body, key);
    };
    return untilSeen(tryNext, isDone, settleMsMax);
  };
  const read: Trial['read'] = (node, name) => ask(node, 'GET', `/v1/secrets/${name}`);
  const nextBody = (more = '') => {
    written += 1;
    return { name: `NAME_${written}`, value: `of NAME_${written}${more}` };
  };
  const expectShown = async (node: number, name: string): Promise<void> => {
    const { status, json } = await read(node, name);
    const shown = [node, name, status, json.value?.slice(0, 3 + name.length)];
    expect(shown).toEqual([node, name, 200, `of ${name}`]);
  };
  const stateOf = async (node: number) => (await nodes.status(node))?.state;
  const settled = async (): Promise<void> => {
    expect(await settle(nodes, settleMsMax)).toEqual([]);
  };
  const close = async (): Promise<void> => {
    closeConnections();
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const node of nodes.all) nodes.start(node);
    await settled();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ nodes, folder, ask, write, read, acknowledged, settled },
    create: async (at, more) => {
      const body = nextBody(more);
      await write(at, 'POST', '/v1/secrets', body);
      acknowledged.push(body.name);
      return body.name;
    },
    createAt: async (at, least, until = 0) => {
      const client = async (node: number) => {
        for (let made = 0; made < least / at.length || Date.now() < until; made += 1) {
          const body = nextBody();
          const { status } = await ask(node, 'POST', '/v1/secrets', body);
          if (status === 201) acknowledged.push(body.name);
          if (made > least / at.length) await sleep(500);
        }
      };
      await Promise.all([...at, ...at].map(client));
    },
    untilState: async (node, state) => {
      await untilSeen(
        () => stateOf(node),
        (seen) => seen === state,
        settleMsMax,
      );
    },
    untilServing: async () => {
      await untilSeen(
        () => Promise.all(nodes.all.map(stateOf)),
        (states) => states.every((state) => state === 'serving'),
        settleMsMax,
      );
    },
    leader: async () => {
      const statuses = await untilSeen(
        () => Promise.all(nodes.all.map(nodes.status)),
        (seen) => seen.some((status) => status?.leader),
        settleMsMax,
      );
      return statuses.find((status) => status?.leader)?.node ?? 0;
    },
    expectEverywhere: async (name) => {
      for (const node of nodes.all) await expectShown(node, name);
    },
    expectWhole: async () => {
      await settled();
      for (const node of nodes.all) {
        for (const name of acknowledged.slice(-20)) await expectShown(node, name);
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
