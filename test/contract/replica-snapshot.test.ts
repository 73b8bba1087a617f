/** A whole copy of a store, taken while it is written, puts another replica where the log can be followed. */
import { existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AskPeer } from '../../local/replica/peers.ts';
import {
  clearSnapshots,
  installSnapshot,
  readContent,
  sendSnapshot,
  takeSnapshot,
} from '../../local/replica/snapshot.ts';
import {
  freshStoreFolder,
  keyOf,
  startReplica,
  type TestReplica,
  tableOf,
} from '../support/replica.ts';
import { until } from '../support/until.ts';

jest.setTimeout(30_000);

let giver: TestReplica;
let server: Server;
let folder: string;
let lines: string[];
const stop = new AbortController();

const get = (path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ port, path }, resolve).once('error', reject).end();
  });
/** It says that it is longer than it is. */
const answerOf = (text: string): IncomingMessage => {
  const headers = { 'content-length': '999' };
  return Object.assign(Readable.from([Buffer.from(text)]), {
    headers,
  }) as unknown as IncomingMessage;
};
/** The digest of the items that node 3 has read at rest; `null`: it has not. */
let itemsAtRest: string | null;
/** Node 2 gives its snapshot, node 3 confirms its digest. */
const ask: AskPeer = async (node, _, path, { body = '' }) => {
  if (path === '/snapshot') return await get(node === 2 ? '/whole' : '/none');
  const digest = giver.replica.findDigest(Number(body)) ?? null;
  return answerOf(JSON.stringify({ digest, items: itemsAtRest }));
};
/** One item changes behind the back of the giver's store. */
const changeItem = (): void => {
  const database = new DatabaseSync(join(giver.folder, 'store.sqlite'), { timeout: 5_000 });
  database.exec(`UPDATE vault SET item_json = replace(item_json, '"7"', '"8"') WHERE pk = 'S:k7'`);
  database.close();
};
const take = (revision: number, more: Partial<Parameters<typeof takeSnapshot>[0]> = {}) =>
  takeSnapshot({
    ask,
    others: [2, 3],
    folder,
    revision,
    report: (line) => void lines.push(line),
    signal: stop.signal,
    ...more,
  });
const put = (pk: string, n = 0) => ({
  TableName: 'vault',
  Item: { ...keyOf(pk), n: { N: String(n) }, s: { S: 'é'.repeat(500) } },
});
/** The end of the log, and that the replica has come there. */
const untilThere = async ({ log, replica }: TestReplica): Promise<number> => {
  const { revision } = await log.findEnd();
  await until(() => replica.position().revision === revision);
  return revision;
};

beforeEach(async () => {
  giver = await startReplica({ folder: freshStoreFolder() });
  folder = freshStoreFolder();
  lines = [];
  itemsAtRest = null;
  await giver.front.call('CreateTable', tableOf('vault'));
  for (let n = 0; n < 50; n += 1) await giver.front.call('PutItem', put(`k${n}`, n));
  server = createServer((incoming, response) => {
    if (incoming.url === '/whole')
      return void sendSnapshot(giver.folder, response).catch(() => response.destroy());
    response.writeHead(incoming.url === '/none' ? 500 : 404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await giver.close();
  for (const one of [folder, giver.folder]) rmSync(one, { recursive: true });
});

describe('a snapshot', () => {
  it('taken while writes go on is of one moment, and the log can be followed from there', async () => {
    let isWriting = true;
    const write = async (): Promise<void> => {
      for (let n = 0; isWriting; n += 1) await giver.front.call('PutItem', put(`k${n % 60}`, n));
    };
    const writing = Promise.all([write(), write(), write()]);
    for (let taken = 0; taken < 3; taken += 1) await take(0);
    isWriting = false;
    await writing;
    expect(lines.at(-1)).toMatch(
      /^node 2 gave a snapshot of revision \d+, confirmed by another node$/,
    );
    installSnapshot(folder);
    const { revision } = await readContent(folder);
    const taker = await startReplica({ log: giver.log, folder });
    try {
      expect(await untilThere(taker)).toBe(await untilThere(giver));
      expect(taker.replica.findDigest(revision)).toBe(giver.replica.findDigest(revision));
      expect(revision).toBeLessThan(taker.replica.position().revision);
      expect(taker.replica.position()).toEqual(giver.replica.position());
      expect(await taker.content()).toEqual(await giver.content());
    } finally {
      await taker.close();
    }
  });

  it('is for its owner only, and leaves nothing behind', async () => {
    await take(0);
    expect(statSync(join(folder, 'snapshot.in')).mode & 0o777).toBe(0o600);
    expect(readdirSync(giver.folder).filter((name) => name.startsWith('snapshot'))).toEqual([]);
    for (const tail of ['-wal', '-shm']) writeFileSync(join(folder, `store.sqlite${tail}`), 'old');
    installSnapshot(folder);
    expect(readdirSync(folder)).toEqual(['store.sqlite']);
  });

  it('that a killed run was giving or taking is cleared away, and nothing else', () => {
    const left = ['snapshot-123.out', 'snapshot-123.out-journal', 'snapshot.in'];
    for (const name of [...left, 'store.sqlite']) writeFileSync(join(folder, name), 'x');
    clearSnapshots(folder);
    expect(readdirSync(folder)).toEqual(['store.sqlite']);
  });

  it('brings a replica that the log has been compacted past to where the others are', async () => {
    const end = await untilThere(giver);
    await giver.log.compact(end - 5);
    const taker = await startReplica({
      log: giver.log,
      folder,
      fetchSnapshot: (_, revision) => take(revision),
    });
    try {
      await giver.front.call('PutItem', put('late'));
      await untilThere(taker);
      expect(taker.replica.position()).toEqual(giver.replica.position());
      expect(await taker.content()).toEqual(await giver.content());
      expect(taker.lines[0]).toBe(
        `the log begins at revision ${end - 5}; this node takes a snapshot from another one`,
      );
      expect(taker.lines[1]).toMatch(/^the snapshot is in place, of revision \d+$/);
    } finally {
      await taker.close();
    }
  });

  it('that does not reach back to the log, is cut off or is not confirmed is not taken', async () => {
    const end = await untilThere(giver);
    const refusals: string[] = [];
    const hostile =
      (change: (node: number, path: string) => string | undefined): AskPeer =>
      async (node, method, path, options) => {
        const text = change(node, path);
        if (text === undefined) return await ask(2, method, path, options);
        return answerOf(text);
      };
    const fail = async (options: Partial<Parameters<typeof takeSnapshot>[0]>, revision = end) => {
      const ended = new AbortController();
      const report = (line: string) => {
        refusals.push(line);
        ended.abort();
      };
      await take(revision, { others: [2], report, signal: ended.signal, ...options }).catch(
        () => undefined,
      );
    };
    await fail({}, end + 2);
    await fail({ ask: hostile((_, path) => (path === '/snapshot' ? 'half of it' : undefined)) });
    await fail({
      others: [2, 3],
      ask: hostile((_, path) => (path === '/digest' ? '{"digest":"another"}' : undefined)),
    });
    expect(refusals[0]).toBe(`node 2 gave no snapshot: it ends at revision ${end}`);
    expect(refusals[1]).toBe('node 2 gave no snapshot: the snapshot of node 2 is cut off');
    expect(refusals[2]).toBe('node 2 gave no snapshot: another node has another digest there');
  });

  it('of a store whose file has changed, unnoticed so far, is not confirmed by who has read its items at rest', async () => {
    itemsAtRest = (await giver.content()).digest;
    await take(0);
    changeItem();
    const ended = new AbortController();
    const report = (line: string) => {
      lines.push(line);
      ended.abort();
    };
    await expect(take(0, { others: [2, 3], report, signal: ended.signal })).rejects.toThrow();
    expect(lines[0]).toMatch(/confirmed by another node$/);
    expect(lines[1]).toBe('node 2 gave no snapshot: another node has another digest there');
  });

  it('is taken on the word of its giver if nobody else can tell', async () => {
    await take(0, { others: [2] });
    expect(lines[0]).toMatch(/on its word alone$/);
  });

  it('is asked of the next node if one gives none', async () => {
    await take(0, { others: [3, 2] });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^node 3 gave no snapshot: /);
  });
});

describe('the digest of all items', () => {
  it('is that of another replica of the same log, whatever their stores note beside', async () => {
    const other = await startReplica({ log: giver.log });
    try {
      await untilThere(other);
      await other.replica.store.call('CreateTable', tableOf('not-noted-yet'));
      expect(await other.content()).toEqual(await giver.content());
    } finally {
      await other.close();
    }
  });

  it('sees one item that has changed in the file alone', async () => {
    const before = await giver.content();
    changeItem();
    const after = await giver.content();
    expect(after.revision).toBe(before.revision);
    expect(after.digest).not.toBe(before.digest);
  });

  it('sees an index that lacks an item, and an item that is found under another key', async () => {
    const indexed = {
      ...tableOf('indexed'),
      AttributeDefinitions: ['pk', 'sk', 'tenant'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byTenant',
          KeySchema: [{ AttributeName: 'tenant', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    };
    await giver.front.call('CreateTable', indexed);
    for (const pk of ['a', 'b']) {
      const Item = { ...keyOf(pk), tenant: { S: 't' } };
      await giver.front.call('PutItem', { TableName: 'indexed', Item });
    }
    const other = await startReplica({ log: giver.log });
    try {
      await untilThere(other);
      await untilThere(giver);
      const { digest } = await giver.content();
      expect((await other.content()).digest).toBe(digest);
      const database = new DatabaseSync(join(other.folder, 'store.sqlite'), { timeout: 5_000 });
      const change = async (sql: string): Promise<string> => {
        database.exec(sql);
        return (await other.content()).digest;
      };
      const moved = await change(`UPDATE indexed SET sk = 'S:x' WHERE pk = 'S:a'`);
      const back = await change(`UPDATE indexed SET sk = 'S:-' WHERE pk = 'S:a'`);
      const gone = await change(`DELETE FROM "indexed::gsi::byTenant" WHERE table_pk = 'S:a'`);
      database.close();
      expect(back).toBe(digest);
      expect(new Set([digest, moved, gone]).size).toBe(3);
    } finally {
      await other.close();
    }
  });

  it('is not told of a store that is no store', async () => {
    await giver.replica.close();
    truncateSync(join(giver.folder, 'store.sqlite'), 5_000);
    for (const tail of ['-wal', '-shm'])
      rmSync(join(giver.folder, `store.sqlite${tail}`), { force: true });
    await expect(giver.content()).rejects.toThrow();
    expect(existsSync(join(giver.folder, 'store.sqlite'))).toBe(true);
  });
});

describe('a replica is refused', () => {
  it('the log of another cluster, and one that ends before it', async () => {
    const { folder: own } = giver;
    await giver.close();
    const shorter = await startReplica({ folder: own });
    await expect(shorter.followed).rejects.toThrow(
      /^the log ends at revision 0, before this node's \d+: it is not the log of this store$/,
    );
    await shorter.close();
    const other = await startReplica({ folder: own, clusterId: 'another' });
    await expect(other.followed).rejects.toThrow(
      "this node's store belongs to another cluster (a-cluster, not another)",
    );
    await other.close();
  });
});
