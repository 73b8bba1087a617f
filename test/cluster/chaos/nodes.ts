/**
 * Vault nodes as processes on a network, set up as docs/deploy/machines.md says: each on a machine with its own folder
 * and its own copies of cluster.json and the master key.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
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
import { type ClusterPlan, initCluster } from '../../../local/cluster/init.ts';
import type { shownOf } from '../../../local/node/report.ts';
import {
  isRunning,
  type ProcessRecord,
  recordOf as recordOfProcess,
} from '../../../local/process/process-record.ts';
import { issueToken } from '../../support/tokens.ts';
import { untilSeen } from '../../support/until.ts';
import { type Hostility, type Met, startAdversaries } from './hostility.ts';
import type { Network } from './network.ts';
import { program, type Running, startLogged } from './processes.ts';
import type { Verified } from './read-table.ts';

/** The processes of a node: the functions, and etcd. */
export const parts = ['vault', 'etcd'] as const;
export type Part = (typeof parts)[number];

/** A node's own part of `GET /v1/status`. */
export type NodeStatus = ReturnType<typeof shownOf>[number];

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type Nodes = {
  readonly all: readonly number[];
  readonly network: Network;
  readonly urlOf: (node: number) => string;
  readonly token: string;
  /** Starts the node, and again whenever it ends by itself, until it is killed or stopped. */
  readonly start: (node: number) => void;
  /** Ends all processes of the node at once, until `start`. Returns when they are gone. */
  readonly kill: (node: number) => Promise<void>;
  /** Asks the node to end, until `start`. Returns when its processes are gone. */
  readonly stop: (node: number) => Promise<void>;
  /** Ends one of its processes; what becomes of the others is the node's affair. */
  readonly killPart: (node: number, part: Part) => void;
  /** Stops processes of it in their tracks; they go on when the returned function is called. */
  readonly pause: (node: number, stopped: readonly Part[]) => () => void;
  /** Kills the node, deletes its data and starts it. */
  readonly wipeAndStart: (node: number) => Promise<void>;
  readonly folderOf: (node: number) => string;
  /** From its next start on, the node runs the code in this folder. */
  readonly useCode: (node: number, code: string) => void;
  /** The node's own copy of the master key. */
  readonly keyFileOf: (node: number) => string;
  /** Starts the program of the master key, which the nodes of 1.0.0 need, with the code in this folder. */
  readonly startKey: (code: string) => Promise<void>;
  readonly endKey: () => Promise<void>;
  /** Gives the node another machine, with cluster.json and the key and nothing else, and tells all nodes its address. */
  readonly replaceMachine: (node: number, machine: number) => Promise<void>;
  /**
   * Takes the data of all nodes, none of which may run, and tells them of a new cluster. Its nodes are still to be
   * started. Returns the folder with what was taken: `machine-1/node` and so on, each beside its old cluster.json.
   */
  readonly beginAnew: () => Promise<string>;
  /** Runs a command on the machine of a node, with the node's environment. */
  readonly run: (node: number, command: readonly string[]) => Promise<Ran>;
  /** Asks the node for its status; `undefined` if it does not answer. */
  readonly status: (node: number) => Promise<NodeStatus | undefined>;
  /** Asks the node for the status of all nodes, as it knows them; empty if it does not answer. */
  readonly statuses: (node: number) => Promise<readonly NodeStatus[]>;
  /** All messages of the node so far. */
  readonly saidBy: (node: number) => string;
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
  /** The adversary between the functions and their etcd; `undefined`: there is none. */
  readonly hostility?: Hostility | undefined;
  /** The folder with the code of the nodes; by default this checkout. */
  readonly code?: string | undefined;
};

/** So often that the nodes have compared what they hold soon after they have come to rest. */
const compareSeconds = 2;

/** Copies all of a folder but the socket that a killed etcd leaves behind. */
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
  const programOf = (node: number) => program(join(codes.get(node) ?? code, 'local/bin/node.ts'));
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
      ...{ VAULT_NODE: String(node), VAULT_NODES: addresses(), VAULT_PEER_HOST: peerHost },
      ...{ VAULT_CLUSTER_FILE: clusterFileOf(node), VAULT_PEER_PROXY: proxy },
      VAULT_MASTER_KEY_FILE: keyFileOf(node),
      VAULT_COMPARE_SECONDS: String(compareSeconds),
    };
  };
  const run = (name: string, command: readonly string[], env: NodeJS.ProcessEnv) =>
    startLogged(folder, name, command, { PATH, HOME, ...env });
  /** The program that held the key for the nodes of 1.0.0, which writes the cluster file itself. */
  const keyProgramOf = (from: string) => join(from, 'local/bin/master-key.ts');
  let key: Running | undefined;
  const startKey = async (from: string): Promise<void> => {
    const started = run('key', program(keyProgramOf(from)), {
      ...{ VAULT_DATA_DIR: keyFolder, VAULT_CLUSTER_FILE: clusterFile, VAULT_NODES: addresses() },
      ...{ HOST: network.keyHost, PORT: String(network.keyPort) },
    });
    const { child } = started;
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the master key did not start: ${started.lastLine}`);
    });
    await Promise.race([once(child.stdout ?? child, 'data'), ended]);
    ended.catch(() => undefined);
    key = started;
  };
  const endKey = async (): Promise<void> => {
    const { child } = key ?? {};
    key = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const init = (more: Pick<ClusterPlan, 'renewal' | 'isNewCluster'> = {}) =>
    initCluster({ folder: keyFolder, clusterFile, nodes: addresses(), ...more });
  if (existsSync(keyProgramOf(code))) await startKey(code);
  else await init();
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
  /** Sends the signal to these parts, and returns when all parts are gone. */
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
    startKey,
    endKey,
    replaceMachine: async (node, machine) => {
      await kill(node);
      rmSync(diskOf(node), { recursive: true });
      machines.set(node, machine);
      // The certificate of the cluster names all addresses.
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
      await endKey();
    },
  };
};
