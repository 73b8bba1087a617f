/**
 * A whole cluster as children of this process: three vault nodes (node-program.ts), and the proxies
 * between them (relay.ts). `createCluster` is where to begin reading: what it returns starts the
 * nodes, and runs the commands that a second terminal sends (commands.ts, control.ts).
 * `initCluster` makes what nodes share, here and on several machines.
 */
import { rmSync } from 'node:fs';
import { masterKeyFile } from '../../host/kms/key-file.ts';
import { isKeyInKms } from '../../host/kms/vault-key.ts';
import { readClusterFile } from '../../host/node/cluster-file.ts';
import type { Layout, NodeLayout } from '../../host/node/layout.ts';
import { nodeTimes } from '../../host/node/node-times.ts';
import { createPeerCall, type PeerCall } from '../../host/node/peers.ts';
import { readPort } from '../../host/process/ports.ts';
import { failure } from '../../system/failures.ts';
import type { Command } from './commands.ts';
import { untilMajority } from './majority.ts';
import { createNodeProgram, type NodeProgram } from './node-program.ts';
import { type Relay, startRelay } from './relay.ts';
import {
  askNode,
  type ClusterStatus,
  compareNodes,
  findStaleReads,
  requireWholeCopies,
  tableOf,
} from './status.ts';

/** All parts listen on this address. */
const host = '127.0.0.1';

type Node = NodeLayout & { readonly program: NodeProgram };

type Parts = {
  readonly layout: Layout;
  readonly nodes: readonly Node[];
  readonly relay: Relay;
  /**
   * Asks a node directly, not through its proxy. Throws a user-facing error if there is no cluster
   * file yet.
   */
  readonly ask: PeerCall;
};

export type Cluster = {
  /**
   * Starts everything, and waits for a majority of the nodes. Returns the numbers of the nodes that
   * serve. Throws a sentence if there can be no majority, because nodes have ended.
   */
  readonly start: () => Promise<readonly number[]>;
  /**
   * Runs a command and returns its output. The commands run one after the other, except `status`.
   */
  readonly run: (command: Command) => Promise<string>;
  readonly close: () => Promise<void>;
};

/**
 * The nodes share one machine, so `VAULT_METRICS_PORT` is the port for the metrics of node 1, and
 * the other nodes use the next ports. With 0, each node uses any free port.
 */
const metricsPortOf = (node: number): string => {
  if (!process.env['VAULT_METRICS_PORT']) return '';
  const first = readPort(0, 'VAULT_METRICS_PORT');
  return String(first === 0 ? first : first + node - 1);
};

/** The variables of a node's program. */
const environmentOf = (
  { clusterFile, keyFolder }: Layout,
  { node, folder, port }: NodeLayout,
  proxy: string,
): NodeJS.ProcessEnv => ({
  VAULT_DATA_DIR: folder,
  VAULT_CLUSTER_FILE: clusterFile,
  ...(!isKeyInKms(process.env) && {
    VAULT_MASTER_KEY_FILE: masterKeyFile(keyFolder, process.env),
  }),
  VAULT_NODE: String(node),
  VAULT_PEER_HOST: host,
  VAULT_PEER_PROXY: proxy,
  HOST: host,
  PORT: String(port),
  VAULT_METRICS_PORT: metricsPortOf(node),
  // The nodes do not use TLS, because they listen on this machine only, and `dsvault` finds their
  // addresses as HTTP.
  VAULT_TLS_CERT: '',
  VAULT_TLS_KEY: '',
});

const startAll = async (
  { layout, nodes }: Parts,
  report: (line: string) => void,
): Promise<readonly number[]> => {
  for (const { program } of nodes) await program.start();
  const serves = new Map(nodes.map(({ node, program }) => [node, program.serves()]));
  const serving = await untilMajority(serves, nodeTimes.nodeStartMs, () =>
    report(`the nodes do not serve yet, and load their data: see ${layout.folder}/node-*/log`),
  );
  if (serving.length * 2 > nodes.length) return serving;
  throw failure(`no majority of the nodes serves: see ${layout.folder}/node-*/log`);
};

const createAsk = ({ nodes, clusterFile }: Layout): PeerCall => {
  const config = { nodes: nodes.map((one) => ({ ...one, host })), peerProxy: undefined };
  let ask: PeerCall | undefined;
  return async (...request) => {
    ask ??= createPeerCall(config, readClusterFile(clusterFile));
    return await ask(...request);
  };
};

const statusOf = async ({ nodes, relay, ask }: Parts): Promise<ClusterStatus> => {
  const observed = nodes.map(async ({ node, program }) => ({
    node,
    isolated: relay.isIsolated(node),
    process: program.state(),
    answer: await askNode(ask, node),
  }));
  return compareNodes(await Promise.all(observed));
};

type Change = Exclude<Command, { readonly action: 'status' }>;

const done = {
  kill: 'is killed',
  stop: 'is stopped',
  start: 'starts: status shows when it serves',
  pause: 'is paused',
  resume: 'goes on',
};

const changeNode = async (
  parts: Parts,
  { node, folder, program }: Node,
  action: Change['action'],
) => {
  const { relay } = parts;
  switch (action) {
    case 'isolate':
      relay.isolate(node);
      return `node ${node} is cut off from the other nodes`;
    case 'heal':
      relay.heal(node);
      return `node ${node} reaches the other nodes again`;
    case 'wipe':
      requireWholeCopies(await statusOf(parts), node);
      if (['running', 'paused'].includes(program.state())) await program.stop();
      rmSync(folder, { recursive: true, force: true });
      return `node ${node} is stopped and its folder deleted: start ${node} has it fetch all again`;
    default:
      await program[action]();
      return `node ${node} ${done[action]}`;
  }
};

/**
 * Prepares the cluster: ends the nodes that an earlier run has left, and starts the proxies, but no
 * node yet. `report` is called with one line whenever a program ends by itself.
 */
export const createCluster = async (
  layout: Layout,
  report: (line: string) => void,
): Promise<Cluster> => {
  const relay = await startRelay(
    layout.nodes.map(({ node, etcdPort, peerPort }) => ({ node, ports: [etcdPort, peerPort] })),
  );
  const nodes: Node[] = [];
  for (const one of layout.nodes) {
    const environment = environmentOf(layout, one, relay.proxyOf(one.node));
    nodes.push({ ...one, program: await createNodeProgram(one, environment, report) });
  }
  const parts: Parts = { layout, nodes, relay, ask: createAsk(layout) };
  let lastChange: Promise<unknown> = Promise.resolve();

  const change = async ({ action, target }: Change): Promise<string> => {
    const node = nodes.find((one) => one.node === target);
    if (node === undefined) throw new Error(`there is no node ${target}`);
    return await changeNode(parts, node, action);
  };
  return {
    start: async () => {
      const serving = await startAll(parts, report);
      const stale = findStaleReads(await statusOf(parts));
      if (stale !== undefined) report(stale);
      return serving;
    },
    run: async (command) => {
      if (command.action === 'status') {
        const status = await statusOf(parts);
        return command.json ? JSON.stringify(status) : tableOf(status);
      }
      const changed = lastChange.then(() => change(command));
      lastChange = changed.catch(() => undefined);
      return await changed;
    },
    close: async () => {
      await lastChange;
      const isUp = ({ state }: NodeProgram) => ['running', 'paused'].includes(state());
      const up = nodes.map(({ program }) => program).filter(isUp);
      await Promise.all(up.map((program) => program.stop()));
      await relay.close();
    },
  };
};
