/**
 * Vault nodes as processes on a network, set up as docs/deploy/machines.md says. Each node is on a
 * machine with its own folder and its own copies of cluster.json and the master key.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ClusterPlan, initCluster } from '../../../host/node/init.ts';
import type { shownOf } from '../../../host/node/report.ts';
import {
  findRememberedChild,
  isRunning,
  type ProcessRecord,
  recordOf as recordOfProcess,
} from '../../../host/process/process-record.ts';
import { programFile } from '../../support/released.ts';
import { issueToken } from '../../support/tokens.ts';
import { untilSeen } from '../../support/until.ts';
import { type Hostility, type Met, startAdversaries } from './hostility.ts';
import type { Network } from './network.ts';
import { program, type Running, startLogged } from './processes.ts';
import type { Verified } from './read-table.ts';

/** The processes of a node: the functions and etcd. */
export const parts = ['vault', 'etcd'] as const;
export type Part = (typeof parts)[number];

/** A node's entry in `GET /v1/status`. */
export type NodeStatus = ReturnType<typeof shownOf>[number];

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type Nodes = {
  readonly all: readonly number[];
  readonly network: Network;
  readonly urlOf: (node: number) => string;
  readonly token: string;
  /**
   * Starts the node, and starts it again whenever it ends by itself, until it is killed or stopped.
   */
  readonly start: (node: number) => void;
  /**
   * Kills all processes of the node, and returns when they are gone. The node stays down until
   * `start`.
   */
  readonly kill: (node: number) => Promise<void>;
  /**
   * Asks the node to end, and returns when its processes are gone. The node stays down until
   * `start`.
   */
  readonly stop: (node: number) => Promise<void>;
  /** Kills one process of the node. The node itself decides what happens to the other one. */
  readonly killPart: (node: number, part: Part) => void;
  /** Pauses processes of the node until the returned function is called. */
  readonly pause: (node: number, stopped: readonly Part[]) => () => void;
  readonly wipeAndStart: (node: number) => Promise<void>;
  readonly folderOf: (node: number) => string;
  /** Sets the code that the node runs from its next start on: the code in this folder. */
  readonly useCode: (node: number, code: string) => void;
  /** The file with the node's own copy of the master key. */
  readonly keyFileOf: (node: number) => string;
  /**
   * Moves the node to another machine, which has nothing except cluster.json and the master key,
   * and gives all nodes its new address.
   */
  readonly replaceMachine: (node: number, machine: number) => Promise<void>;
  /**
   * Moves the data of all nodes away and prepares the nodes for a new cluster. No node may be
   * running, and the nodes are not started. Returns the folder with the old data: `machine-1/node`
   * and so on, each next to its old cluster.json.
   */
  readonly beginAnew: () => Promise<string>;
  /** Runs a command on the machine of a node, in the environment of the node. */
  readonly run: (node: number, command: readonly string[]) => Promise<Ran>;
  /** Returns the status of the node, as it reports it; `undefined` if it does not answer. */
  readonly status: (node: number) => Promise<NodeStatus | undefined>;
  /** Returns the status of all nodes, as this node knows it; empty if it does not answer. */
  readonly statuses: (node: number) => Promise<readonly NodeStatus[]>;
  /** Returns everything that the node has printed so far, without the log of its functions. */
  readonly saidBy: (node: number) => string;
  /** Reads the whole table of the node. With `'checked'`, also checks every invariant. */
  readonly readTable: (node: number, how: 'read' | 'checked') => Promise<Verified>;
  /** For each time that a node ended without being killed, its exit code and its last message. */
  readonly exits: () => readonly string[];
  /** Ends the adversaries of all nodes, and returns the sum of their reports. */
  readonly met: () => Promise<Met>;
  readonly close: () => Promise<void>;
};

export type NodesOptions = {
  readonly folder: string;
  readonly network: Network;
  readonly count: number;
  /** Puts an adversary between the functions and etcd, unless it is `undefined`. */
  readonly hostility?: Hostility | undefined;
  /** The folder with the code of the nodes. By default it is this checkout. */
  readonly code?: string | undefined;
};

/** Short, so that the nodes compare their data soon after they have come to rest. */
const compareSeconds = 2;

/** Copies a folder without sockets, such as the one that a killed etcd leaves behind. */
export const copyFolder = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });

const execute = (command: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> => {
  const [file = '', ...args] = command;
  return promisify(execFile)(file, args, { env, maxBuffer: 2 ** 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code: Number(code), stdout, stderr }),
  );
};

export const startNodes = async (options: NodesOptions): Promise<Nodes> => {
  const { folder, network, count, hostility, code = '.' } = options;
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const machines = new Map(all.map((node) => [node, node]));
  const codes = new Map(all.map((node) => [node, code]));
  const programOf = (node: number) => program(programFile(codes.get(node) ?? code, 'node'));
  const machineOf = (node: number): number => machines.get(node) ?? 0;
  const diskOf = (node: number) => join(folder, `machine-${machineOf(node)}`);
  const folderOf = (node: number) => join(diskOf(node), 'node');
  const hostileSocketOf = (node: number) => join(folder, `hostile-${node}.sock`);
  const clusterFileOf = (node: number) => join(diskOf(node), 'cluster.json');
  const keyFileOf = (node: number) => join(diskOf(node), 'kms.json');
  const keyFolder = join(folder, 'key');
  const clusterFile = join(folder, 'cluster.json');
  const placeOf = (node: number) => network.placeOf(machineOf(node));
  const urlOf = (node: number): string => `http://${placeOf(node).host}:${placeOf(node).port}`;
  const addresses = (): string =>
    all
      .map((node) => {
        const { knownAs, etcdPort, peerPort } = placeOf(node);
        return `${node}=${knownAs}:${etcdPort}:${peerPort}`;
      })
      .join();
  const { PATH, HOME } = process.env;
  const environmentOf = (node: number): NodeJS.ProcessEnv => {
    const { host, port, peerHost, proxy } = placeOf(node);
    return {
      ...{ PATH, HOME, HOST: host, PORT: String(port), VAULT_DATA_DIR: folderOf(node) },
      ...(hostility && { VAULT_ETCD_PROXY: `unix:${hostileSocketOf(node)}` }),
      ...{ VAULT_NODE: String(node), VAULT_PEER_HOST: peerHost },
      ...{ VAULT_CLUSTER_FILE: clusterFileOf(node), VAULT_PEER_PROXY: proxy },
      VAULT_MASTER_KEY_FILE: keyFileOf(node),
      VAULT_COMPARE_SECONDS: String(compareSeconds),
    };
  };
  const run = (name: string, command: readonly string[], env: NodeJS.ProcessEnv) =>
    startLogged(folder, name, command, { PATH, HOME, ...env });
  const init = (more: Pick<ClusterPlan, 'renewal' | 'isNewCluster'> = {}) =>
    initCluster({ folder: keyFolder, clusterFile, nodes: addresses(), ...more });
  await init();
  const prepare = (node: number): void => {
    mkdirSync(diskOf(node), { recursive: true, mode: 0o700 });
    copyFileSync(clusterFile, clusterFileOf(node));
    copyFileSync(join(keyFolder, 'kms.json'), keyFileOf(node));
  };
  for (const node of all) prepare(node);

  const places = all.map((node) => ({ target: folderOf(node), socket: hostileSocketOf(node) }));
  const adversaries = hostility ? startAdversaries({ folder, places, run }, hostility) : undefined;
  const running = new Map<number, Running>();
  const wanted = new Set<number>();
  const exits: string[] = [];
  const launch = (node: number): void => {
    const command = network.at(machineOf(node), programOf(node));
    const one = run(`node-${node}`, command, environmentOf(node));
    running.set(node, one);
    one.child.once('close', async (code, signal) => {
      if (running.get(node) === one) running.delete(node);
      if (signal !== 'SIGKILL') exits.push(`node ${node}, exit code ${code}: ${one.lastLine}`);
      await sleep(300);
      if (wanted.has(node) && !running.has(node)) launch(node);
    });
  };
  const start = (node: number): void => {
    wanted.add(node);
    if (!running.has(node)) launch(node);
  };
  const recordOf = (node: number, part: Part): ProcessRecord | undefined => {
    const pid = running.get(node)?.child.pid;
    if (part === 'vault') return pid === undefined ? undefined : recordOfProcess(pid);
    return findRememberedChild(join(folderOf(node), `${part}.pid`));
  };
  const signal = (node: number, part: Part, name: NodeJS.Signals): ProcessRecord | undefined => {
    const record = recordOf(node, part);
    if (record !== undefined) process.kill(record.pid, name);
    return record;
  };
  /** Sends the signal to these parts of the node, and returns when all its parts are gone. */
  const end = async (node: number, name: NodeJS.Signals, sent: readonly Part[]): Promise<void> => {
    wanted.delete(node);
    const { child } = running.get(node) ?? {};
    const isThere = child !== undefined && child.exitCode === null && child.signalCode === null;
    const gone = isThere ? once(child, 'exit') : undefined;
    const records = parts.flatMap((part) => recordOf(node, part) ?? []);
    for (const part of sent) signal(node, part, name);
    await gone;
    while (records.some(isRunning)) await sleep(5);
  };
  const kill = (node: number) => end(node, 'SIGKILL', parts);
  const tokenOf = (scope: string): string =>
    issueToken(keyFolder, { tenant: 'chaos', sub: 'client', scope });
  const Authorization = `Bearer ${tokenOf('vault:status')}`;
  const statuses = async (node: number): Promise<readonly NodeStatus[]> => {
    const signalLate = AbortSignal.timeout(5_000);
    try {
      const asked = { headers: { Authorization }, signal: signalLate };
      const reply = await fetch(`${urlOf(node)}/v1/status`, asked);
      const body = (await reply.json()) as { node?: { nodes?: readonly NodeStatus[] } };
      return body.node?.nodes ?? [];
    } catch {
      return [];
    }
  };
  const status = async (node: number): Promise<NodeStatus | undefined> =>
    (await statuses(node)).find((one) => one.node === node);

  return {
    ...{ all, network, urlOf, start, kill, folderOf, status, statuses },
    token: tokenOf('secrets:read secrets:write secrets:delete secrets:destroy'),
    stop: (node) => end(node, 'SIGTERM', ['vault']),
    killPart: (node, part) => void signal(node, part, 'SIGKILL'),
    pause: (node, stopped) => {
      const records = stopped.flatMap((part) => signal(node, part, 'SIGSTOP') ?? []);
      return () => {
        for (const record of records) if (isRunning(record)) process.kill(record.pid, 'SIGCONT');
      };
    },
    wipeAndStart: async (node) => {
      await kill(node);
      rmSync(folderOf(node), { recursive: true });
      start(node);
    },
    useCode: (node, from) => void codes.set(node, from),
    keyFileOf,
    replaceMachine: async (node, machine) => {
      await kill(node);
      rmSync(diskOf(node), { recursive: true });
      machines.set(node, machine);
      // The certificate of the cluster contains all addresses.
      await init({ renewal: 'certificate' });
      for (const one of all) prepare(one);
      for (const one of all.filter((other) => other !== node)) {
        await end(one, 'SIGTERM', ['vault']);
        start(one);
        await untilSeen(
          () => status(one),
          (seen) => seen?.state === 'serving',
        );
      }
      start(node);
    },
    beginAnew: async () => {
      const old = mkdtempSync(join(folder, 'old-'));
      for (const node of all) renameSync(diskOf(node), join(old, `machine-${machineOf(node)}`));
      await init({ isNewCluster: true });
      for (const node of all) prepare(node);
      return old;
    },
    run: (node, command) => execute(network.at(machineOf(node), command), environmentOf(node)),
    saidBy: (node) => readFileSync(join(folder, `node-${node}.log`), 'utf8'),
    readTable: async (node, how) => {
      const args = [folderOf(node), how];
      const read = program('test/cluster/chaos/read-table.ts', ...args);
      const { code, stdout, stderr } = await execute(
        network.at(machineOf(node), read),
        process.env,
      );
      if (code === 0) return JSON.parse(stdout);
      throw new Error(stderr || `exit code ${code}`);
    },
    exits: () => exits,
    met: async () => (await adversaries?.close()) ?? { calls: 0, faults: {}, violations: [] },
    close: async () => {
      await Promise.all(all.map(kill));
      await adversaries?.close().catch(() => undefined);
    },
  };
};
