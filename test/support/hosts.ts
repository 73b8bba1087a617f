/**
 * Three vault nodes and one spare machine, each in a network namespace of its own, set up as docs/deploy.md says: each
 * has its own folder and its own copy of cluster.json. The program of the master key runs outside.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findRememberedChild } from '../../local/host/running.ts';
import { createNamespaces } from '../cluster/chaos/namespaces.ts';
import type { Network } from '../cluster/chaos/network.ts';
import { until } from './cluster-process.ts';
import { freshFolder, type LocalProcess, lineOf, runCommand, runLocal } from './local-process.ts';
import { issueToken } from './tokens.ts';

type Reply = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };
type Call = { readonly body?: unknown; readonly key?: string };

type NodeShown = {
  readonly node: number;
  readonly alive: boolean;
  readonly state: string;
  readonly reason: string | null;
};

export type Hosts = {
  readonly network: Network;
  /** Has node `node` be on this machine from now on, for all programs that are started later. */
  readonly move: (node: number, machine: number) => void;
  readonly machineOf: (node: number) => number;
  /** The data folder of a node. It is on the node's machine. */
  readonly folderOf: (node: number) => string;
  /** Copies cluster.json from the machine of the master key to the node's. */
  readonly copyClusterFile: (node: number) => void;
  /** The machine of a node loses all its files. */
  readonly empty: (node: number) => void;
  readonly startKey: () => Promise<void>;
  readonly endKey: () => Promise<void>;
  /** Starts the node, and again when it ends by itself, as systemd does. */
  readonly start: (node: number) => void;
  /** Returns when all processes of the node are gone. */
  readonly stop: (node: number, signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** Runs a command on the machine of a node, with the node's environment. */
  readonly run: (node: number, command: readonly string[]) => Promise<Ran>;
  /** Status 0: the node gave no answer. */
  readonly ask: (node: number, method: string, path: string, call?: Call) => Promise<Reply>;
  /** Returns when all three nodes serve and hold the same data. */
  readonly untilAllServe: () => Promise<void>;
  /** What the node has printed since it was last started by `start`. */
  readonly linesOf: (node: number) => readonly string[];
  readonly close: () => Promise<void>;
};

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

const numbers = [1, 2, 3];
const restartMs = 300;
const serveWithinMs = 60_000;

/** Makes the network and starts the program of the master key. */
export const openHosts = async (): Promise<Hosts> => {
  const network = await createNamespaces(4);
  const folder = freshFolder();
  const keyFolder = join(folder, 'key');
  const keyClusterFile = join(folder, 'cluster.json');
  const machines = new Map(numbers.map((node) => [node, node]));
  const running = new Map<number, LocalProcess>();
  const wanted = new Set<number>();
  const lines = new Map<number, string[]>();
  let key: LocalProcess | undefined;

  const machineOf = (node: number): number => machines.get(node) ?? 0;
  const diskOf = (node: number): string => join(folder, `machine-${machineOf(node)}`);
  const folderOf = (node: number): string => join(diskOf(node), 'node');
  const clusterFileOf = (node: number): string => join(diskOf(node), 'cluster.json');
  const addresses = (): string =>
    numbers
      .map((node) => {
        const { peerHost, etcdPort, peerPort } = network.placeOf(machineOf(node));
        return `${node}=${peerHost}:${etcdPort}:${peerPort}`;
      })
      .join();
  const environmentOf = (node: number) => {
    const { host, port, peerHost } = network.placeOf(machineOf(node));
    return {
      ...{ VAULT_NODE: String(node), VAULT_PEER_HOST: peerHost, VAULT_NODES: addresses() },
      ...{ VAULT_CLUSTER_FILE: clusterFileOf(node), VAULT_DATA_DIR: folderOf(node) },
      ...{ HOST: host, PORT: String(port) },
    };
  };

  const startKey = async (): Promise<void> => {
    key = runLocal('master-key', [], {
      ...{ VAULT_DATA_DIR: keyFolder, VAULT_CLUSTER_FILE: keyClusterFile },
      ...{ VAULT_NODES: addresses(), HOST: network.keyHost, PORT: String(network.keyPort) },
    });
    await lineOf(key, /^(master key at .*)$/);
  };
  const end = async (one: LocalProcess, signal: NodeJS.Signals): Promise<void> => {
    one.child.kill(signal);
    await one.exit;
  };
  const endKey = async (): Promise<void> => {
    if (key) await end(key, 'SIGTERM');
  };
  const launch = (node: number): void => {
    const command = network.at(machineOf(node), [process.execPath, 'local/bin/node.ts']);
    const one = runCommand(command, environmentOf(node));
    running.set(node, one);
    void one.exit.then(async () => {
      running.delete(node);
      lines.get(node)?.push(...one.output, ...one.errors);
      await sleep(restartMs);
      if (wanted.has(node) && !running.has(node)) launch(node);
    });
  };
  const stop = async (node: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    wanted.delete(node);
    const one = running.get(node);
    if (one) await end(one, signal);
    const etcd = join(folderOf(node), 'etcd.pid');
    await until(
      () => findRememberedChild(etcd),
      (left) => left === undefined,
    );
  };
  await startKey();
  const token = issueToken(keyFolder, { scope: 'secrets:read secrets:write vault:status' });

  const ask: Hosts['ask'] = async (node, method, path, { body, key: idempotencyKey } = {}) => {
    const { host, port } = network.placeOf(machineOf(node));
    try {
      const reply = await fetch(`http://${host}:${port}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/json',
          ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      });
      return { status: reply.status, body: (await reply.json()) as Reply['body'] };
    } catch {
      return { status: 0, body: {} };
    }
  };
  /** How a node sees all nodes, in one line each. */
  const seenBy = async (node: number): Promise<readonly string[]> => {
    const { body } = await ask(node, 'GET', '/v1/status');
    const { nodes = [] } = (body['node'] ?? {}) as { readonly nodes?: readonly NodeShown[] };
    return nodes.map((one) => (one.alive ? `${one.state} ${one.reason ?? ''}`.trim() : 'silent'));
  };
  const copyClusterFile = (node: number): void => {
    mkdirSync(diskOf(node), { mode: 0o700, recursive: true });
    copyFileSync(keyClusterFile, clusterFileOf(node));
  };
  for (const node of numbers) copyClusterFile(node);

  return {
    network,
    move: (node, machine) => void machines.set(node, machine),
    machineOf,
    folderOf,
    copyClusterFile,
    empty: (node) => rmSync(diskOf(node), { recursive: true }),
    startKey,
    endKey,
    start: (node) => {
      wanted.add(node);
      lines.set(node, []);
      launch(node);
    },
    stop,
    run: async (node, command) => {
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, ...environmentOf(node) };
      const [file = '', ...args] = network.at(machineOf(node), command);
      return await promisify(execFile)(file, args, { env }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (error) => ({ code: Number(error.code), stdout: error.stdout, stderr: error.stderr }),
      );
    },
    ask,
    untilAllServe: async () => {
      await until(
        () => Promise.all(numbers.map(seenBy)),
        (seen) => seen.flat().filter((state) => state === 'serving').length === 9,
        serveWithinMs,
      );
    },
    linesOf: (node) => {
      const { output = [], errors = [] } = running.get(node) ?? {};
      return [...(lines.get(node) ?? []), ...output, ...errors];
    },
    close: async () => {
      await Promise.all(numbers.map((node) => stop(node)));
      await endKey();
      await network.close();
      rmSync(folder, { recursive: true });
    },
  };
};
