/**
 * `npm run cluster -- --docker`: the cluster in containers, with the same commands and status as the cluster of
 * processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../system/failures.ts';
import type { Command } from '../cluster/commands.ts';
import {
  type ClusterStatus,
  compareNodes,
  type Observed,
  parseAnswer,
  requireWholeCopies,
  tableOf,
} from '../cluster/status.ts';
import {
  type Container,
  composeDown,
  composeUp,
  getContainer,
  keyService,
  nodeNumbers,
  type ProjectOptions,
  peerAddressOf,
  peerNetworkOf,
  serviceOf,
  urlOf,
  volumeOf,
} from './compose.ts';
import { docker } from './docker.ts';

export type ContainerCluster = {
  /**
   * Starts the containers and returns the vaults' addresses once all nodes serve. Throws a sentence if they do not
   * serve in time.
   */
  readonly up: () => Promise<readonly string[]>;
  readonly down: (isDataToGo: boolean) => Promise<void>;
  /** Runs a command and returns its output. */
  readonly run: (command: Command) => Promise<string>;
  readonly status: () => Promise<ClusterStatus>;
  /** Runs a program of `local/` in the container of the master key and returns its output. */
  readonly atKey: (script: string, ...args: readonly string[]) => Promise<string>;
};

/** Longer than a start that copies all data takes on a busy machine. */
const startLimitMs = 120_000;

const observe = async (project: string, node: number): Promise<Observed> => {
  const { id, state, networks } = await getContainer(project, serviceOf(node));
  const asked =
    state === 'running'
      ? docker(['exec', id, 'node', 'local/containers/own-status.ts'], { timeoutMs: 10_000 })
      : Promise.resolve('');
  return {
    node,
    isolated: !networks.includes(peerNetworkOf(project)),
    process: state,
    answer: await asked.then(parseAnswer, () => undefined),
  };
};

type Change = Exclude<Command, { readonly action: 'status' }>['action'];

const isolate = async (project: string, { id, networks }: Container): Promise<void> => {
  const network = peerNetworkOf(project);
  if (networks.includes(network)) await docker(['network', 'disconnect', network, id]);
};

const heal = async (project: string, node: number, { id, networks }: Container): Promise<void> => {
  const network = peerNetworkOf(project);
  if (networks.includes(network)) return;
  const where = ['--ip', peerAddressOf(node), '--alias', serviceOf(node)];
  await docker(['network', 'connect', ...where, network, id]);
};

/** Empties the volume with a container of the node's own image, which runs as the same user. */
const wipe = async (project: string, node: number, { id }: Container): Promise<void> => {
  await docker(['stop', id]);
  const volume = `${volumeOf(project, node)}:/data`;
  const script = ['-c', 'rm -rf /data/* /data/.[!.]*'];
  const image = await docker(['inspect', '--format', '{{.Image}}', id]);
  await docker(['run', '--rm', '--volume', volume, '--entrypoint', 'sh', image, ...script]);
};

const plain = { kill: 'kill', stop: 'stop', start: 'start', pause: 'pause', resume: 'unpause' };
const done: Readonly<Record<Change, string>> = {
  kill: 'is killed',
  stop: 'is stopped',
  start: 'starts: status shows when it serves',
  pause: 'is paused',
  resume: 'goes on',
  isolate: 'is cut off from the other nodes and the master key',
  heal: 'reaches the other nodes again',
  wipe: 'is stopped and its data deleted: start has it fetch all again',
};

const change = async (project: string, action: Change, target: number | 'key') => {
  const service = target === 'key' ? keyService : serviceOf(target);
  const container = await getContainer(project, service);
  if (action === 'isolate') await isolate(project, container);
  else if (action === 'heal') await heal(project, Number(target), container);
  else if (action === 'wipe') await wipe(project, Number(target), container);
  else await docker([plain[action], container.id]);
  return `${target === 'key' ? 'the master key' : `node ${target}`} ${done[action]}`;
};

export const containerCluster = (options: ProjectOptions): ContainerCluster => {
  const { name } = options;
  const status = async (): Promise<ClusterStatus> =>
    compareNodes(await Promise.all(nodeNumbers.map((node) => observe(name, node))));
  const keyContainer = async () => (await getContainer(name, keyService)).id;
  return {
    up: async () => {
      await composeUp(options);
      const deadline = performance.now() + startLimitMs;
      const serves = ({ nodes }: ClusterStatus) => nodes.every(({ state }) => state === 'serving');
      while (!serves(await status())) {
        if (performance.now() > deadline) {
          throw failure(
            'not all nodes serve yet: docker logs of their containers say why. Run this again to wait for them',
          );
        }
        await sleep(200);
      }
      return nodeNumbers.map(urlOf);
    },
    down: (isDataToGo) => composeDown(options, isDataToGo),
    run: async (command) => {
      if (command.action === 'wipe') requireWholeCopies(await status(), command.target);
      if (command.action !== 'status') return change(name, command.action, command.target);
      return command.json ? JSON.stringify(await status()) : tableOf(await status());
    },
    status,
    atKey: async (script, ...args) =>
      docker(['exec', await keyContainer(), 'node', `local/bin/${script}.ts`, ...args]),
  };
};
