/** Starts and removes the containers of `compose.yaml`, and reads their state from Docker. */
import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { policyVariable } from '../../functions/runtime/config.ts';
import { failure } from '../../system/failures.ts';
import { firstPortPreset, readFirstPort } from '../cluster/layout.ts';
import { hasProgram } from '../host/supervisor.ts';
import { docker, requireDocker, runCompose } from './docker.ts';

export type ProjectOptions = {
  /** Holds compose.yaml and node_modules. */
  readonly root: string;
  /** The name of the compose project; the names of its volumes and networks begin with it. */
  readonly name: string;
  readonly say: (line: string) => void;
};

export const keyService = 'key';
export const nodeNumbers = [1, 2, 3];
export const serviceOf = (node: number): string => `node${node}`;

/** The port of this machine at which compose.yaml publishes node N: `CLUSTER_PORT` or 3001 for the first node. */
const portOf = (node: number): number => (readFirstPort(process.env) || firstPortPreset) + node - 1;
export const urlOf = (node: number): string => `http://127.0.0.1:${portOf(node)}`;
/** The node's address on the network of the nodes; the node needs the same one when it is connected again. */
export const peerAddressOf = (node: number): string => `10.213.77.${10 + node}`;
export const peerNetworkOf = (project: string): string => `${project}_peers`;
export const volumeOf = (project: string, node: number): string => `${project}_${serviceOf(node)}`;

/** The variables of compose.yaml that give the nodes the access policy of this machine's `AUTH_POLICY_FILE`. */
const policyVariables = (): NodeJS.ProcessEnv => {
  const file = process.env[policyVariable];
  if (!file) return {};
  return {
    VAULT_POLICY_FOLDER: dirname(resolve(file)),
    VAULT_POLICY_FILE: `/policy/${basename(file)}`,
  };
};

const compose = ({ root, name }: ProjectOptions, args: readonly string[]) =>
  runCompose(['--project-name', name, '--file', join(root, 'compose.yaml'), ...args], {
    env: {
      ...Object.fromEntries(nodeNumbers.map((node) => [`NODE${node}_PORT`, String(portOf(node))])),
      ...policyVariables(),
    },
  });

/** Docker answers at once, or it is not there. */
const findWithinMs = 5_000;

/**
 * Finds the running container of the master key, either of this checkout's compose.yaml or of the project of this name;
 * `undefined` if none runs, or if there is no Docker.
 */
export const findKeyContainer = async (
  root: string,
  project: string | undefined,
): Promise<string | undefined> => {
  if (!hasProgram('docker')) return undefined;
  const labels = [
    `service=${keyService}`,
    project ? `project=${project}` : `project.working_dir=${root}`,
  ];
  const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`]);
  const listed = docker(['ps', '--quiet', ...filters], { timeoutMs: findWithinMs });
  const ids = (await listed.catch(() => '')).split('\n');
  return ids.find((id) => id !== '');
};

/**
 * Builds the image if something has changed, and starts the containers that do not run. Throws a sentence if no Docker
 * daemon answers.
 */
export const composeUp = async (options: ProjectOptions): Promise<void> => {
  await requireDocker();
  options.say('building the image of a node, and starting the containers');
  await compose(options, ['up', '--detach', '--build']);
};

/** Removes the containers and their networks, and the data too if asked. */
export const composeDown = async (options: ProjectOptions, isDataToGo: boolean): Promise<void> => {
  await compose(options, ['down', '--remove-orphans', ...(isDataToGo ? ['--volumes'] : [])]);
};

export type Container = {
  readonly id: string;
  /** `killed` by `docker kill`, `stopped` by `docker stop`, `ended` by itself. */
  readonly state: 'running' | 'paused' | 'stopped' | 'killed' | 'ended';
  /** The names of the networks that the container is connected to. */
  readonly networks: readonly string[];
};

const inspected = v.object({
  Id: v.string(),
  State: v.object({ Status: v.string(), ExitCode: v.number() }),
  NetworkSettings: v.object({ Networks: v.record(v.string(), v.unknown()) }),
});

/** The exit code of a process that SIGKILL ended. */
const killedCode = 137;

const stateOf = ({ Status, ExitCode }: v.InferOutput<typeof inspected>['State']) => {
  if (Status === 'running' || Status === 'paused') return Status;
  if (Status === 'restarting') return 'ended';
  return ExitCode === killedCode ? 'killed' : 'stopped';
};

/** The container of a compose service, running or not. Throws a sentence if there is none. */
export const getContainer = async (project: string, service: string): Promise<Container> => {
  const labels = { project, service };
  const filters = Object.entries(labels).flatMap(([label, value]) => [
    '--filter',
    `label=com.docker.compose.${label}=${value}`,
  ]);
  const [id] = (await docker(['ps', '--all', '--quiet', ...filters])).split('\n');
  if (!id) {
    throw failure('there are no containers of a cluster: npm run cluster -- --docker makes them');
  }
  const { State, NetworkSettings, Id } = v.parse(
    inspected,
    JSON.parse(await docker(['inspect', '--format', '{{json .}}', id])),
  );
  return { id: Id, state: stateOf(State), networks: Object.keys(NetworkSettings.Networks) };
};
