import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dynamodbLocal } from '../../../../local/dynamodb/dynamodb-local.ts';
import { dynoxide } from '../../../../local/dynamodb/dynoxide.ts';
import { ensureTable, ensureTimeToLive } from '../../../../local/dynamodb/ensure-table.ts';
import {
  type LocalStore,
  type StoreProgram,
  startStore,
} from '../../../../local/dynamodb/local-store.ts';
import { isRunning } from '../../../../local/process/process-record.ts';
import { startChild } from '../../../../local/process/supervisor.ts';
import { readTemplate } from '../../../../local/template.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { untilSeen } from '../../../support/until.ts';

let folder: string;
let lines: string[];
let stores: LocalStore[];
const path = process.env['PATH'];
const root = process.cwd();

const start = async (program: StoreProgram = dynoxide(root)): Promise<LocalStore> => {
  const store = await startStore(program, folder, (line) => void lines.push(line));
  stores.push(store);
  return store;
};
const record = () => JSON.parse(readFileSync(join(folder, 'store.pid'), 'utf8'));
const clientOf = ({ endpoint }: LocalStore) =>
  new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
/** Kills the store and waits until another process has replaced it. */
const killStore = async (): Promise<void> => {
  const left = record();
  process.kill(left.pid, 'SIGKILL');
  while (record().pid === left.pid) await sleep(2);
};
const shellProgram = (script: string, readyWithinMs = 60_000): StoreProgram => ({
  name: 'a script',
  host: '127.0.0.1',
  readyWithinMs,
  launch: async (where) => startChild('sh', ['-c', script], where),
});

beforeEach(() => {
  folder = freshFolder();
  lines = [];
  stores = [];
});
afterEach(async () => {
  process.env['PATH'] = path;
  for (const store of stores) await store.close();
});

describe('the local store', () => {
  it('has the table of template.yaml, made once, with its time to live', async () => {
    const client = clientOf(await start());
    const { table } = await readTemplate();
    await Promise.all([ensureTable(client, 'vault', table), ensureTable(client, 'vault', table)]);
    await ensureTable(client, 'vault', table);
    await ensureTimeToLive(client, 'vault', table);
    await ensureTimeToLive(client, 'vault', table);
    const { TimeToLiveDescription } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: 'vault' }),
    );
    expect(TimeToLiveDescription).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expiresAt',
    });
    client.destroy();
  });

  it('fails if its table differs from template.yaml', async () => {
    const client = clientOf(await start());
    const { table } = await readTemplate();
    const { GlobalSecondaryIndexes: _, ...create } = table.create;
    const AttributeDefinitions = table.create.AttributeDefinitions.slice(0, 2);
    await client.send(
      new CreateTableCommand({ TableName: 'vault', ...create, AttributeDefinitions }),
    );
    await expect(ensureTable(client, 'vault', table)).rejects.toThrow(
      'the table vault differs from the one in template.yaml',
    );
    client.destroy();
  });

  // Shows G2, G12.
  it('restarts at the same address with its data when it dies', async () => {
    const store = await start();
    const client = clientOf(store);
    const { table } = await readTemplate();
    await ensureTable(client, 'vault', table);
    await ensureTimeToLive(client, 'vault', table);
    await killStore();
    expect(lines).toEqual(['the store (dynoxide) ended (SIGKILL); it is started again']);
    const ask = new DescribeTimeToLiveCommand({ TableName: 'vault' });
    // The new process does not listen at once.
    const again = await untilSeen(
      () => client.send(ask).catch(() => undefined),
      (reply) => reply !== undefined,
    );
    expect(again?.TimeToLiveDescription?.TimeToLiveStatus).toBe('ENABLED');
    client.destroy();
  });

  it('listens on another address at each start, and not on 127.0.0.1, if the system has more', async () => {
    const hasMore = process.platform !== 'darwin';
    const first = new URL((await start()).endpoint);
    await stores.pop()?.close();
    const { hostname, port } = new URL((await start()).endpoint);
    expect(hostname).toMatch(/^127\.[\d.]+$/);
    expect(hostname !== first.hostname).toBe(hasMore);
    const isAt127001 = await fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    );
    expect(isAt127001).toBe(!hasMore);
  });

  it('fails in one sentence when it dies again and again', async () => {
    const store = await start();
    for (let deaths = 1; deaths <= 5; deaths += 1) await killStore();
    process.kill(record().pid, 'SIGKILL');
    expect(await store.failed).toMatchObject({
      message: 'the store (dynoxide) ended 6 times within a minute',
    });
    expect(lines).toHaveLength(5);
  });

  it('says in one sentence why it did not start', async () => {
    await expect(
      start(shellProgram('echo a line >&2; echo disk full >&2; exit 3')),
    ).rejects.toThrow('the store (a script) did not start: disk full');
    await expect(start(shellProgram('exit 3'))).rejects.toThrow('it ended without a word');
    await expect(start(shellProgram('exec sleep 60', 500))).rejects.toThrow(
      'the store (a script) did not answer within 0.5 s',
    );
  });
});

describe('a store whose file is damaged', () => {
  it.each([
    ['is no database', (file: string) => writeFileSync(file, 'x'.repeat(20_000))],
    ['has lost its first page', (file: string) => overwrite(file, 100, 4_096)],
  ])('fails to start, and says that the file is damaged, if that %s', async (_, damage) => {
    const client = clientOf(await start());
    const { table } = await readTemplate();
    await ensureTable(client, 'vault', table);
    client.destroy();
    for (const store of stores) await store.close();
    stores = [];
    const [file, ...logs] = ['', '-wal', '-shm'].map((end) => join(folder, `store.sqlite${end}`));
    for (const log of logs) rmSync(log, { force: true });
    damage(file ?? '');
    await expect(start()).rejects.toThrow(
      'the store (dynoxide) did not start: store.sqlite in the data folder is damaged, or is no database',
    );
  });
});

/** Zeroes the bytes of a file from `start` to before `end`. */
const overwrite = (file: string, start: number, end: number): void => {
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0, start, end));
};

describe('the choice of a store program', () => {
  it('uses a dynoxide of the PATH only if the file may be run', () => {
    process.env['PATH'] = folder;
    writeFileSync(join(folder, 'dynoxide'), '');
    expect(() => dynoxide(folder)).toThrow(/^dynoxide, which serves DynamoDB/);
    chmodSync(join(folder, 'dynoxide'), 0o700);
    expect(dynoxide(folder).name).toBe('dynoxide');
  });

  describe('DynamoDB Local', () => {
    const otherWays = 'unset TEST_STORE, or run its container (Docker has amazon/dynamodb-local)';
    /** Puts a program named java on the PATH that only listens on the given port. */
    const putJava = (): void => {
      const bin = join(folder, 'bin');
      mkdirSync(bin);
      const listen =
        "require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1')";
      const script = `#!/bin/sh\n[ "$1" = -version ] || exec "${process.execPath}" -e "${listen}" "$6"\n`;
      writeFileSync(join(bin, 'java'), script, { mode: 0o755 });
      process.env['PATH'] = [bin, path].join(delimiter);
    };

    it('downloads once, starts with Java, and restarts when it dies', async () => {
      putJava();
      writeFileSync(join(folder, 'DynamoDBLocal.jar'), '');
      const downloadUrl = join(folder, 'program.tar.gz');
      execFileSync('tar', ['czf', downloadUrl, '-C', folder, 'DynamoDBLocal.jar']);
      const installPath = join(folder, 'installed');
      const store = await start(dynamodbLocal({ root, installPath, downloadUrl }));
      expect(readdirSync(installPath)).toEqual(['DynamoDBLocal.jar']);
      await killStore();
      expect(lines).toEqual(['the store (DynamoDB Local) ended (SIGKILL); it is started again']);
      const left = record();
      await store.close();
      expect(isRunning(left)).toBe(false);
    });

    it('fails and names the other ways if there is no Java', () => {
      process.env['PATH'] = folder;
      expect(() => dynamodbLocal({ root, installPath: folder })).toThrow(
        `DynamoDB Local cannot be had: it needs Java, and there is no java on the PATH; ${otherWays}`,
      );
    });

    it('fails and names the other ways if its npm package is not installed', () => {
      putJava();
      expect(() => dynamodbLocal({ root: folder, installPath: folder })).toThrow(
        `DynamoDB Local cannot be had: the npm package dynamodb-local is not installed; ${otherWays}`,
      );
    });

    it('fails and names the other ways if its download fails', async () => {
      putJava();
      const downloadUrl = 'https://127.0.0.1:9/x.gz';
      const program = dynamodbLocal({ root, installPath: join(folder, 'x'), downloadUrl });
      await expect(start(program)).rejects.toThrow(
        `DynamoDB Local cannot be had: its download failed (connect ECONNREFUSED 127.0.0.1:9); ${otherWays}`,
      );
    });
  });
});
