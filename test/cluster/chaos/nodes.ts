/** The nodes of a run as processes: started, killed, stopped in their tracks, started again, asked how they are. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isRunning,
  type ProcessRecord,
  recordOf as recordOfProcess,
} from '../../../local/host/running.ts';
import { issueToken } from '../../support/tokens.ts';
import { type Hostility, type Met, startAdversaries } from './hostility.ts';
import type { Network } from './network.ts';
import { askStatus, type NodeStatus } from './node-status.ts';
import { program, type Running, startLogged } from './processes.ts';
import { readVerified, type Verified } from './verified.ts';

/** The processes of a node: the functions with the front, and etcd. */
export const parts = ['front', 'etcd'] as const;
export type Part = (typeof parts)[number];

export type Nodes = {
  readonly all: readonly number[];
  readonly urls: readonly string[];
  readonly token: string;
  /** Starts the node, and again whenever it ends by itself, until it is killed. */
  readonly start: (node: number) => void;
  /** Ends all its processes at once; returns when they are gone. They stay so until `start`. */
  readonly kill: (node: number) => Promise<void>;
  /** Ends one of its processes; what becomes of the others is the node's affair. */
  readonly killPart: (node: number, part: Part) => void;
  /** Stops processes of it in their tracks; they go on when the returned function is called. */
  readonly pause: (node: number, stopped: readonly Part[]) => () => void;
  readonly folderOf: (node: number) => string;
  /** Asks the node for its status; `undefined` if it does not answer. */
  readonly status: (node: number) => Promise<NodeStatus | undefined>;
  /** Reads the node's whole table; with `'checked'`, holds it to every invariant. */
  readonly readTable: (node: number, how: 'read' | 'checked') => Promise<Verified>;
  /** How often a node ended by itself, and what it said last. */
  readonly exits: () => readonly string[];
  /** Ends the adversary; tells what it met. */
  readonly met: () => Promise<Met>;
  readonly close: () => Promise<void>;
};

export type NodesOptions = {
  readonly folder: string;
  readonly network: Network;
  readonly count: number;
  /** The adversary between the functions and what they call; `undefined`: there is none. */
  readonly hostility?: Hostility | undefined;
};

/** So often that the nodes have compared what they hold soon after they have come to rest. */
const compareSeconds = 2;

export const startNodes = async (options: NodesOptions): Promise<Nodes> => {
  const { folder, network, count, hostility } = options;
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const folderOf = (node: number) => join(folder, `node-${node}`);
  const keyFolder = join(folder, 'key');
  const clusterFile = join(folder, 'cluster.json');
  const kmsUrl = `https://${network.keyHost}:${network.keyPort}`;
  const { PATH, HOME } = process.env;
  const addresses = all.map((node) => {
    const { knownAs, etcdPort, peerPort } = network.placeOf(node);
    return `${node}=${knownAs}:${etcdPort}:${peerPort}`;
  });
  const environmentOf = (node: number): NodeJS.ProcessEnv => {
    const { host, port, peerHost, proxy, hostilePort } = network.placeOf(node);
    return {
      ...(hostility && { VAULT_FRONT_PROXY: `http://127.0.0.1:${hostilePort}` }),
      ...{ VAULT_DATA_DIR: folderOf(node), HOST: host, PORT: String(port) },
      ...{ VAULT_NODE: String(node), VAULT_NODES: addresses.join(), VAULT_PEER_HOST: peerHost },
      ...{ VAULT_CLUSTER_FILE: clusterFile, VAULT_PEER_PROXY: proxy },
      VAULT_COMPARE_SECONDS: String(compareSeconds),
    };
  };
  const run = (name: string, command: readonly string[], env: NodeJS.ProcessEnv) =>
    startLogged(folder, name, command, { PATH, HOME, ...env });
  const key = run('key', program('local/bin/master-key.ts'), {
    ...{ VAULT_DATA_DIR: keyFolder, VAULT_CLUSTER_FILE: clusterFile },
    ...{ HOST: network.keyHost, PORT: String(network.keyPort), VAULT_NODES: addresses.join() },
    ...(hostility && { VAULT_KMS_URL: `https://${network.keyHost}:${network.hostileKeyPort}` }),
  });
  const ready = once(key.child.stdout ?? key.child, 'data');
  const ended = once(key.child, 'exit').then(() => {
    throw new Error(`the master key did not start: ${key.lastLine}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => undefined);

  const adversaries = hostility
    ? startAdversaries(
        { folder, network, folders: [keyFolder, ...all.map(folderOf)], run },
        hostility,
      )
    : undefined;
  const running = new Map<number, Running>();
  const wanted = new Set<number>();
  const exits: string[] = [];
  const launch = (node: number): void => {
    const command = network.at(node, program('local/bin/node.ts'));
    const one = run(`node-${node}`, command, environmentOf(node));
    running.set(node, one);
    one.child.once('close', async (code, signal) => {
      if (running.get(node) === one) running.delete(node);
      if (signal !== 'SIGKILL') exits.push(`node ${node}, exit code ${code}: ${one.lastLine}`);
      await sleep(300);
      if (wanted.has(node) && !running.has(node)) launch(node);
    });
  };
  const recordOf = (node: number, part: Part): ProcessRecord | undefined => {
    const pid = running.get(node)?.child.pid;
    if (part === 'front') return pid === undefined ? undefined : recordOfProcess(pid);
    try {
      const record = JSON.parse(readFileSync(join(folderOf(node), `${part}.pid`), 'utf8'));
      return isRunning(record) ? record : undefined;
    } catch {
      return undefined;
    }
  };
  const signal = (node: number, part: Part, name: NodeJS.Signals): ProcessRecord | undefined => {
    const record = recordOf(node, part);
    if (record !== undefined) process.kill(record.pid, name);
    return record;
  };
  const kill = async (node: number): Promise<void> => {
    wanted.delete(node);
    const { child } = running.get(node) ?? {};
    const gone = child === undefined ? undefined : once(child, 'exit');
    const records = parts.flatMap((part) => signal(node, part, 'SIGKILL') ?? []);
    await gone;
    while (records.some(isRunning)) await sleep(5);
  };
  const close = async (): Promise<void> => {
    await Promise.all(all.map(kill));
    await adversaries?.close().catch(() => undefined);
    const { child } = key;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const urls = all.map(network.placeOf).map(({ host, port }) => `http://${host}:${port}`);
  const tokenOf = (scope: string): string =>
    issueToken(keyFolder, { tenant: 'chaos', sub: 'client', scope });
  const statusToken = tokenOf('vault:status');

  return {
    all,
    urls,
    token: tokenOf('secrets:read secrets:write'),
    start: (node) => {
      wanted.add(node);
      if (!running.has(node)) launch(node);
    },
    kill,
    killPart: (node, part) => void signal(node, part, 'SIGKILL'),
    pause: (node, stopped) => {
      const records = stopped.flatMap((part) => signal(node, part, 'SIGSTOP') ?? []);
      return () => {
        for (const record of records) if (isRunning(record)) process.kill(record.pid, 'SIGCONT');
      };
    },
    folderOf,
    status: async (node) => await askStatus(urls[node - 1] ?? '', statusToken, node),
    readTable: async (node, how) =>
      await readVerified(
        network.at(
          node,
          program('test/cluster/chaos/read-table.ts', folderOf(node), clusterFile, kmsUrl, how),
        ),
      ),
    exits: () => exits,
    met: async () => (await adversaries?.close()) ?? { calls: 0, faults: {}, violations: [] },
    close,
  };
};
