/**
 * Writes and reads unique values through three nodes. Then it searches every file of the nodes for
 * them, in every form: etcd's log and database, printed lines, remembered state. The names of
 * secrets are not secret, and finding them proves that the search reads the right files.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canaryForms, contentsOf, findCanaries } from '../support/adversary/canaries.ts';
import { type ClusterProcess, endCluster, startCluster } from '../support/cluster-process.ts';
import { printFigure } from '../support/figure.ts';
import { freshName } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const nodes = [1, 2, 3];
const rounds = 12;
/**
 * Files in which the names of secrets must be found. If values were stored as plain text, they
 * would be in these files, too.
 */
const kinds = [/etcd\/member\/wal\//, /etcd\/member\/snap\/db$/, /\/log$/];

describe('plaintext sent through three nodes', () => {
  let cluster: ClusterProcess;
  const canaries: string[] = [];
  const names: string[] = [];
  const replies: string[] = [];
  // All values contain this marker, so a search of etcd's large files needs the forms of only one
  // text.
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
  /**
   * Sends a request, and repeats it with the same idempotency key until the answer is not 503 and
   * not missing. Because of the key it has one effect. Returns the status.
   */
  const send = async (node: number, method: string, path: string, body?: unknown) => {
    const key = randomUUID();
    const call = { key, ...(body !== undefined && { body }) };
    const { status, body: reply } = await untilSeen(
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
      // Another node reads the secret, so that its value is in the memory of that node, too.
      const other = (node % nodes.length) + 1;
      expect(await send(other, 'GET', `/v1/secrets/${name}`)).toBe(200);
      const all = `A=secret(${first})\nB=secret(${name})\n`;
      expect(await send(other, 'POST', '/v1/env/expand', { content: all })).toBe(200);
      const copy = { from: { version: 1 } };
      expect(await send(other, 'POST', `/v1/secrets/${name}/copies`, copy)).toBe(200);
      expect(await send(node, 'DELETE', `/v1/secrets/${name}/versions/1`)).toBe(200);
      expect(await send(node, 'DELETE', `/v1/secrets/${name}`)).toBe(200);
      expect(await send(other, 'POST', '/v1/secrets', { name, value: next() })).toBe(201);
    }
  });
  afterAll(() => endCluster(cluster));

  let bytes = 0;
  /**
   * Searches every file of the cluster, and fails if one contains a value. Returns, for each node,
   * which kinds of its files contain the name of a secret.
   */
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

  // Shows G15.
  it('appears in no file of the running nodes or of the master key, although the names of secrets do', async () => {
    // A printed line reaches the log file only after a moment.
    const named = await untilSeen(search, (found) => found.size === everywhere.length, 60_000);
    expect([...named].sort()).toEqual(everywhere);
  });

  it('appears in no file after all nodes were killed', async () => {
    for (const node of nodes) await cluster.command('kill', String(node));
    expect([...search()].sort()).toEqual(everywhere);
    printFigure(
      'canaries in nodes',
      `${canaries.length} values through ${nodes.length} nodes, ${bytes} bytes of files, etcd's among them: 0 found`,
    );
  });

  it('appears in no reply to a request that does not read values', () => {
    for (const reply of replies)
      expect([reply, findCanaries(Buffer.from(reply), forms)]).toEqual([reply, []]);
  });
});
