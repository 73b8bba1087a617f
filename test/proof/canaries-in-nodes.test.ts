/**
 * Values that nothing else holds, written and read through three nodes; then searched for in every form in every file
 * that the nodes keep: etcd's log and its database, what was printed, what is remembered. The names of the secrets,
 * which are not secret, are found there, so that the files that are searched are those that were written.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { canaryForms, contentsOf, findCanaries } from '../support/adversary/canaries.ts';
import {
  type ClusterProcess,
  endCluster,
  startCluster,
  until,
} from '../support/cluster-process.ts';
import { printFigure } from '../support/figure.ts';
import { freshName } from '../support/running-vault.ts';

const nodes = [1, 2, 3];
const rounds = 12;
/** Where the names of secrets stand, so that their values would stand there too. */
const kinds = [/etcd\/member\/wal\//, /etcd\/member\/snap\/db$/, /\/log$/];

// A cluster starts, and is killed, perhaps on a busy machine.
jest.setTimeout(300_000);

describe('plaintext that went through three nodes', () => {
  let cluster: ClusterProcess;
  const canaries: string[] = [];
  const names: string[] = [];
  const replies: string[] = [];
  // One part of all values: etcd's files are large, and so are searched for the forms of one text.
  const marker = randomBytes(12).toString('hex');
  const forms = canaryForms(marker);
  const next = (): string => {
    const value = `cänary "${marker}" ${canaries.length} +/=&\\`;
    canaries.push(value);
    return value;
  };
  const nextName = (): string => {
    const name = freshName();
    names.push(name);
    return name;
  };
  /** Asks until it is served; keyed, so that it has one effect. */
  const send = async (node: number, method: string, path: string, body?: unknown) => {
    const key = randomUUID();
    const call = { ...(body !== undefined && { body, key }) };
    const { status, body: reply } = await until(
      () => cluster.ask(node, method, path, call),
      (told) => told.status !== 503 && told.status !== 0,
    );
    if (method !== 'GET' && path !== '/v1/env/expand') replies.push(JSON.stringify(reply));
    return status;
  };

  beforeAll(async () => {
    cluster = await startCluster();
    for (let round = 0; round < rounds; round += 1) {
      const node = (round % nodes.length) + 1;
      const [name, first, second] = [nextName(), nextName(), nextName()];
      expect(await send(node, 'POST', '/v1/secrets', { name, value: next() })).toBe(201);
      expect(await send(node, 'PUT', `/v1/secrets/${name}`, { value: next() })).toBe(200);
      expect(await send(node, 'POST', '/v1/secrets', { name, value: next() })).toBe(409);
      const bad = { name: freshName(), value: { nested: next() } };
      expect(await send(node, 'POST', '/v1/secrets', bad)).toBe(400);
      const values = { [first]: next(), [second]: next() };
      const file = { content: `A=enc(${first})\nB=enc(${second})\n`, values };
      expect(await send(node, 'POST', '/v1/env/encrypt', file)).toBe(200);
      // Read on another node: what a reply carries was in memory.
      const other = (node % nodes.length) + 1;
      expect(await send(other, 'GET', `/v1/secrets/${name}`)).toBe(200);
      const all = `A=secret(${first})\nB=secret(${name})\n`;
      expect(await send(other, 'POST', '/v1/env/expand', { content: all })).toBe(200);
    }
  });
  afterAll(() => endCluster(cluster));

  let bytes = 0;
  /** Searches every file; tells of which kinds each node has some that hold a name. */
  const search = (): Set<string> => {
    const named = new Set<string>();
    for (const { file, content } of contentsOf(cluster.folder)) {
      bytes += content.length;
      expect([file, findCanaries(content, forms)]).toEqual([file, []]);
      if (!names.some((name) => content.includes(name))) continue;
      const path = relative(cluster.folder, file);
      for (const kind of kinds) if (kind.test(path)) named.add(`${path.split('/')[0]} ${kind}`);
    }
    return named;
  };
  const everywhere = nodes.flatMap((node) => kinds.map((kind) => `node-${node} ${kind}`)).sort();

  it('is in no file of a node or of the master key while they run, though names are', async () => {
    // A log of printed lines is written a little later.
    const named = await until(search, (found) => found.size === everywhere.length, 60_000);
    expect([...named].sort()).toEqual(everywhere);
  });

  it('is in no file after all nodes were killed', async () => {
    for (const node of nodes) await cluster.command('kill', String(node));
    expect([...search()].sort()).toEqual(everywhere);
    printFigure(
      'canaries in nodes',
      `${canaries.length} values through ${nodes.length} nodes, ${bytes} bytes of files, etcd's among them: 0 found`,
    );
  });

  it('is in no reply that does not carry it', () => {
    for (const reply of replies)
      expect([reply, findCanaries(Buffer.from(reply), forms)]).toEqual([reply, []]);
  });
});
