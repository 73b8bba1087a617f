/** The vaults that grow: `npm start` on a folder, or three nodes on one. The folder stays when they end. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startProcesses } from '../../local/demo/processes.ts';
import { openTokenKey } from '../../local/identity/token-key.ts';
import { findRunning, type Running } from '../../local/process/process-record.ts';
import { endChild } from '../../local/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import type { Filled } from '../fill.ts';
import { processesUnder, type Served } from '../processes.ts';
import { graceMs, root, startVaultProcess } from '../subjects.ts';

export type Host = {
  readonly urls: readonly string[];
  /** The store, to be filled past the vault. */
  readonly filled: Filled;
  /** The data folder on which `inspect` and `backup` run. */
  readonly dataFolder: string;
  readonly startMs: number;
  readonly tokenOf: (tenant: string) => Promise<string>;
  readonly processes: () => readonly Served[];
  readonly close: () => Promise<void>;
};

const scope = 'secrets:read secrets:write vault:status';
const tokenLifetimeS = 86_400;
const startLimitMs = 600_000;

const filledOf = ({ dynamodbEndpoint, vaultId, tableName }: Running, folder: string): Filled => ({
  folder,
  vaultId,
  tableName,
  dynamodb: new DynamoDBClient({
    region: 'us-east-1',
    endpoint: dynamodbEndpoint,
    credentials: { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' },
  }),
});

const tokensOf = async (folder: string): Promise<Host['tokenOf']> => {
  const key = await openTokenKey(folder);
  return (tenant) => key.issue({ tenant, sub: 'growth', scope }, tokenLifetimeS);
};

export const startEmbedded = async (folder: string): Promise<Host> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const began = performance.now();
  const { child, running } = await startVaultProcess(folder, startLimitMs);
  return {
    startMs: performance.now() - began,
    urls: [running.url],
    filled: filledOf(running, folder),
    dataFolder: folder,
    tokenOf: await tokensOf(folder),
    processes: () => processesUnder(child.pid ?? 0),
    close: () => endChild(child, graceMs),
  };
};

export const startNodes = async (folder: string): Promise<Host> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const began = performance.now();
  const nodes = await startProcesses({ root, folder, isTemporary: false, startLimitMs });
  const startMs = performance.now() - began;
  const dataFolder = join(folder, 'node-1');
  const running = findRunning(dataFolder);
  if (running === undefined) throw failure(`node 1 does not serve: see ${dataFolder}/log`);
  const keyFolder = join(folder, 'key');
  return {
    startMs,
    urls: nodes.urls,
    filled: filledOf(running, keyFolder),
    dataFolder,
    tokenOf: await tokensOf(keyFolder),
    processes: () => processesUnder(process.pid),
    close: nodes.close,
  };
};
