/**
 * Three nodes for tests of one fault at a time, with a client that remembers which creations were
 * acknowledged.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';
import { closeConnections } from '../support/raw-http.ts';
import { patienceMs, untilSeen } from '../support/until.ts';
import { ask as exchange } from './chaos/exchange.ts';
import type { Nodes } from './chaos/nodes.ts';
import { settle } from './chaos/settle.ts';
import { bestNetwork, openSite } from './chaos/site.ts';

/** Longer than any request can last. */
const replyMsMax = 20_000;

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
  /** Sends a request, with an idempotency key if one is given. */
  readonly ask: (
    node: number,
    method: string,
    path: string,
    body?: object,
    key?: string,
  ) => Promise<Reply>;
  /**
   * Sends a write with one idempotency key to these nodes in turn, until one of them answers with a
   * success.
   */
  readonly write: (
    nodes: readonly number[],
    method: string,
    path: string,
    body: object,
  ) => Promise<Reply>;
  readonly read: (node: number, name: string) => Promise<Reply>;
  /** The names of secrets whose creation was acknowledged. */
  readonly acknowledged: readonly string[];
  /**
   * Creates a secret on these nodes, as `write` does, and returns its name. `more` is appended to
   * its value.
   */
  readonly create: (nodes: readonly number[], more?: string) => Promise<string>;
  /**
   * Sends creations of secrets from two clients to each of these nodes, and remembers those that
   * are acknowledged: at least `least` in all, and further ones until `until`, in the time of
   * `Date.now()`.
   */
  readonly createAt: (nodes: readonly number[], least: number, until?: number) => Promise<void>;
  /** Waits until the node is in this state, and fails if that takes too long. */
  readonly untilState: (node: number, state: string) => Promise<void>;
  /** Waits until all nodes serve, and fails if that takes too long. */
  readonly untilServing: () => Promise<void>;
  /**
   * Waits until all nodes serve at the same revision with the same digest, and fails if that takes
   * too long.
   */
  readonly settled: () => Promise<void>;
  /** Returns the node whose etcd is the leader. */
  readonly leader: () => Promise<number>;
  /** Expects that every node shows the secret. */
  readonly expectEverywhere: (name: string) => Promise<void>;
  /**
   * Waits until all nodes serve the same data. Then expects that each shows the secrets that were
   * acknowledged last.
   */
  readonly expectWhole: () => Promise<void>;
  /** Expects that the tables of all nodes are equal and break no invariant, and ends the nodes. */
  readonly close: () => Promise<void>;
};

/** Starts the nodes, on a network that has `spare` further machines. */
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
    const answer = await exchange(nodes.urlOf(node), { method, path, headers, body }, replyMsMax);
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
    return untilSeen(tryNext, isDone, patienceMs);
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
    expect(await settle(nodes, patienceMs)).toEqual([]);
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
        patienceMs,
      );
    },
    untilServing: async () => {
      await untilSeen(
        () => Promise.all(nodes.all.map(stateOf)),
        (states) => states.every((state) => state === 'serving'),
        patienceMs,
      );
    },
    leader: async () => {
      const statuses = await untilSeen(
        () => Promise.all(nodes.all.map(nodes.status)),
        (seen) => seen.some((status) => status?.leader),
        patienceMs,
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
