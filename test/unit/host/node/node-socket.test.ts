import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Guard, type Items, NotSent } from '../../../../functions/store/ports.ts';
import {
  askStatus,
  nodeSocketOf,
  serveNodeSocket,
  writeThroughNode,
} from '../../../../host/node/node-socket.ts';
import { statusOf } from '../../../../host/node/report.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { reportOf } from '../../../support/nodes.ts';

const refuse = async (): Promise<never> => {
  throw new Error('not called here');
};
const item = { pk: { S: 'p' }, sk: { S: 's' }, bytes: { B: Buffer.from([0, 255]) } };
const guards: readonly Guard[] = [
  { key: { pk: 'p', sk: 's' }, expected: { is: 'absent' }, put: item },
  {
    key: { pk: 'q', sk: 's' },
    expected: { is: 'version', version: 1, writeId: 'w', state: 'stored' },
  },
  {
    key: { pk: 'r', sk: 's' },
    expected: { is: 'write', writeId: 'w', state: 'stored' },
    put: item,
  },
  { key: { pk: 's', sk: 's' }, expected: { is: 'expired', second: 7 }, put: item },
];

let folder: string;
let seen: (readonly Guard[])[];
let write: Items['write'];
let close: () => Promise<void>;
const serve = () =>
  serveNodeSocket({
    folder,
    status: () => statusOf(1, [reportOf(1)]),
    itemsOf: () => ({
      ...{ get: refuse, range: refuse, names: refuse, probe: refuse },
      write: async (asked) => {
        seen.push(asked);
        return await write(asked);
      },
    }),
  });
beforeEach(async () => {
  folder = join(freshFolder(), 'node');
  mkdirSync(folder);
  seen = [];
  write = async () => 'written';
  // A killed process may have left its socket behind.
  writeFileSync(nodeSocketOf(folder), '');
  ({ close } = await serve());
});
afterEach(() => close());

const post = (path: string, body: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath: nodeSocketOf(folder), method: 'POST', path });
    asked.once('response', (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    });
    asked.once('error', reject);
    asked.end(body);
  });

describe('the socket of a node', () => {
  it('can be used by the owner of the folder only', () => {
    expect(statSync(nodeSocketOf(folder)).mode & 0o777).toBe(0o600);
  });

  it('returns the status of the nodes', async () => {
    expect(await askStatus(folder, 5_000)).toMatchObject({ node: 1, nodes: [{ node: 1 }] });
  });

  it('passes a write to the node unchanged', async () => {
    expect(await writeThroughNode(folder, guards, 5_000)).toBe('written');
    expect(seen).toEqual([guards]);
  });

  it("returns the node's judgement of a write", async () => {
    const judged = [
      { is: 'held' },
      { is: 'unchecked' },
      { is: 'failed', item },
      { is: 'failed', item: undefined },
    ] as const;
    write = async () => judged;
    expect(await writeThroughNode(folder, guards, 5_000)).toEqual(judged);
  });

  it('returns the reason why the node refuses a write, which then has no effect', async () => {
    write = async () => {
      throw new NotSent('unavailable', { cause: new Error('this node is joining: it starts') });
    };
    const refused = writeThroughNode(folder, guards, 5_000);
    await expect(refused).rejects.toBeInstanceOf(NotSent);
    await expect(refused).rejects.toMatchObject({
      cause: { message: 'this node is joining: it starts' },
    });
  });

  it('reports an unanswered write as one that may have taken effect', async () => {
    write = async () => {
      throw new Error('the write has no answer yet');
    };
    const unclear = writeThroughNode(folder, guards, 5_000);
    await expect(unclear).rejects.toThrow('the write has no answer yet');
    await expect(unclear).rejects.not.toBeInstanceOf(NotSent);
  });

  it('reports that a write had no effect if the node is not running', async () => {
    await close();
    await expect(writeThroughNode(folder, guards, 5_000)).rejects.toBeInstanceOf(NotSent);
  });

  it.each([
    ['/write', '{"guards":[{"key":{"pk":"p","sk":"s"},"expected":{"is":"anything"}}]}', 400],
    ['/write', '{', 400],
    ['/items', '{}', 404],
  ])('refuses a request that is not a write: POST %s %s', async (path, body, expected) => {
    expect(await post(path, body)).toBe(expected);
    expect(seen).toEqual([]);
  });
});
