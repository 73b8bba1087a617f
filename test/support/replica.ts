/** One replica over a log in memory: the real store, applier and front, as a node wires them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { startStore } from '../../local/dynamodb.ts';
import { createBarrier } from '../../local/replica/barrier.ts';
import { startFront } from '../../local/replica/front.ts';
import { openReplica, type Replica } from '../../local/replica/replica.ts';
import { type Content, readContent } from '../../local/replica/snapshot.ts';
import { createStoreClient, type StoreClient } from '../../local/replica/store.ts';
import type { WireReply } from '../../local/replica/wire.ts';
import { createFakeLog, type FakeLog } from './fake-log.ts';

/** What a log's follower was told of a write. */
type Outcome = { readonly revision: number; readonly id: string; readonly reply: WireReply };

export type TestReplica = {
  readonly log: FakeLog;
  readonly folder: string;
  readonly replica: Replica;
  /** To the front. */
  readonly client: DynamoDBClient;
  /** The address of the front. */
  readonly endpoint: string;
  readonly front: StoreClient;
  readonly lines: readonly string[];
  readonly outcomes: readonly Outcome[];
  /** Why the front serves nothing; `undefined`: it serves. */
  readonly refuse: (reason: string | undefined) => void;
  /** Rejects when the replica cannot go on. */
  readonly followed: Promise<void>;
  readonly killStore: () => void;
  readonly content: () => Promise<Content>;
  readonly close: () => Promise<void>;
};

export type TestReplicaOptions = {
  readonly log?: FakeLog;
  readonly clusterId?: string;
  /** Kept when the replica is closed. */
  readonly folder?: string;
  readonly fetchSnapshot?: (folder: string, revision: number) => Promise<void>;
};

export const freshStoreFolder = (): string => mkdtempSync(join(tmpdir(), 'vault-replica-'));

/** Kills the store that runs in the folder, however it is busy. */
export const killStoreIn = (folder: string): void => {
  const { pid } = JSON.parse(readFileSync(join(folder, 'store.pid'), 'utf8'));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is dead already, and the next is not started yet.
  }
};

const clientOf = (endpoint: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });

export const startReplica = async (options: TestReplicaOptions = {}): Promise<TestReplica> => {
  const { log = createFakeLog(), folder = freshStoreFolder() } = options;
  const lines: string[] = [];
  const outcomes: Outcome[] = [];
  let refusal: string | undefined;
  const replica = await openReplica({
    folder,
    program: dynoxide(process.cwd()),
    report: (line) => void lines.push(line),
  });
  const server = await startFront({
    port: 0,
    log,
    tables: replica.tables,
    barrier: createBarrier(async () => (await log.findEnd()).revision, replica.untilApplied),
    store: replica.store,
    admit: async () => refusal,
    status: () => ({ node: 1 }),
  });
  const followed = replica.follow({
    log,
    clusterId: options.clusterId ?? 'a-cluster',
    onOutcome: (write, reply, revision) => {
      outcomes.push({ revision, id: write.id, reply });
      server.settle(write, reply);
    },
    fetchSnapshot: async (revision) => await options.fetchSnapshot?.(folder, revision),
  });
  followed.catch(() => undefined);
  const client = clientOf(server.endpoint);
  const front = createStoreClient(() => server.endpoint);
  return {
    log,
    folder,
    replica,
    client,
    endpoint: server.endpoint,
    front,
    lines,
    outcomes,
    refuse: (reason) => {
      refusal = reason;
    },
    followed,
    killStore: () => killStoreIn(folder),
    content: () => readContent(folder),
    close: async () => {
      client.destroy();
      front.close();
      await server.close();
      await replica.close();
      await followed.catch(() => undefined);
      if (options.folder === undefined) rmSync(folder, { recursive: true });
    },
  };
};

/** A store with nothing in front of it. */
export const startBareStore = async () => {
  const folder = freshStoreFolder();
  const store = await startStore(dynoxide(process.cwd()), folder, () => undefined);
  const client = createStoreClient(() => store.endpoint);
  return {
    store,
    folder,
    client,
    close: async () => {
      client.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
};

/** As the vault's own table, with text keys `pk` and `sk`. */
export const tableOf = (TableName: string, keyType = 'S') => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: keyType },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
});

export const keyOf = (pk: string) => ({ pk: { S: pk }, sk: { S: '-' } });
