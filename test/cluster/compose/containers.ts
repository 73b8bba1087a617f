/** Handles the containers of one cluster with the commands that a person types. */
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { NodeStatus } from '../../../host/node/report.ts';
import { findFreePort, isFree } from '../../../host/process/ports.ts';
import { findProgram } from '../../../system/programs.ts';
import { freshFolder, runFile } from '../../support/local-process.ts';
import { untilSeen } from '../../support/until.ts';

const project = 'vault-test';
const execute = promisify(execFile);

/** Finds three consecutive ports, each free a moment ago. Returns the first. */
const findFirstPort = async (): Promise<number> => {
  const first = await findFreePort();
  return (await isFree(first + 1)) && (await isFree(first + 2)) ? first : await findFirstPort();
};
let firstPort = 0;
const policyFile = join(freshFolder(), 'access.yaml');
export const urlOf = (node: number): string => `http://127.0.0.1:${firstPort + node - 1}`;

/**
 * Replaces the access policy of the nodes, as an editor does. The nodes run as another user, who
 * must be able to read the file.
 */
export const writePolicy = (policy: string): void => {
  chmodSync(dirname(policyFile), 0o755);
  writeFileSync(`${policyFile}.new`, policy);
  // Making a cluster in this process sets a umask that keeps new files private.
  chmodSync(`${policyFile}.new`, 0o644);
  renameSync(`${policyFile}.new`, policyFile);
};

/** Starts Docker if it is not running, and makes the images that cannot be pulled. */
export const prepareDocker = async (images: 'node' | 'server' = 'node'): Promise<void> => {
  const { exit, errors } = runFile('test/support/images/prepare.ts', [images], {});
  if ((await exit) !== 0) throw new Error(errors.join('\n'));
};

/** A copy of compose.yaml in which the nodes have other ports than 3001 to 3003. */
const composeFile = join(freshFolder(), 'compose.yaml');

/** Prepares Docker, and chooses the ports of the nodes. */
export const prepare = async (): Promise<void> => {
  writePolicy('issuers: [{ id: local, localKey: true }]');
  await prepareDocker();
  // The ports are chosen only now, because making images takes minutes, and another worker could
  // take the ports meanwhile.
  firstPort = await findFirstPort();
  const text = readFileSync('compose.yaml', 'utf8').replaceAll(
    /(?<=127\.0\.0\.1:)300([123])(?=:3000)/g,
    (_, node) => new URL(urlOf(Number(node))).port,
  );
  writeFileSync(composeFile, text);
};

const hasPlugin = async (name: string): Promise<boolean> =>
  execute('docker', [name, 'version']).then(
    () => true,
    () => false,
  );

/** Returns the environment for a Docker client. Without buildx, it chooses the classic builder. */
export const clientEnvironment = async (): Promise<NodeJS.ProcessEnv> => ({
  ...process.env,
  ...(!(await hasPlugin('buildx')) && { DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' }),
});

/** Runs compose: `docker compose`, or Debian's `docker-compose`. */
export const compose = async (...args: readonly string[]): Promise<string> => {
  const isPlugin = await hasPlugin('compose');
  if (!isPlugin && findProgram('docker-compose') === undefined)
    throw new Error('there is no docker compose');
  const [program, first] = isPlugin ? ['docker', ['compose']] : ['docker-compose', []];
  const env = {
    ...(await clientEnvironment()),
    COMPOSE_PROJECT_NAME: project,
    VAULT_POLICY_FOLDER: dirname(policyFile),
    VAULT_POLICY_FILE: `/policy/${basename(policyFile)}`,
  };
  const where = ['--file', composeFile, '--project-directory', '.'];
  return (
    await execute(program ?? '', [...(first ?? []), ...where, ...args], { env })
  ).stdout.trim();
};

export const docker = async (...args: readonly string[]): Promise<string> =>
  (await execute('docker', args)).stdout.trim();

/** Returns the ids of our containers, by service. */
export const containers = async (): Promise<ReadonlyMap<string, string>> => {
  const format = '{{.Label "com.docker.compose.service"}} {{.ID}}';
  const filter = `label=com.docker.compose.project=${project}`;
  const listed = await docker('ps', '--all', '--filter', filter, '--format', format);
  return new Map(listed.split('\n').map((line) => line.split(' ') as [string, string]));
};

export const getContainer = async (service: string): Promise<string> => {
  const id = (await containers()).get(service);
  if (id === undefined) throw new Error(`there is no container for ${service}`);
  return id;
};

/**
 * Returns the status of all nodes as one node knows it; `undefined` if that node does not answer.
 */
const statusOf = async (node: number, token: string): Promise<NodeStatus | undefined> => {
  const headers = { Authorization: `Bearer ${token}` };
  try {
    const reply = await fetch(`${urlOf(node)}/v1/status`, {
      headers,
      signal: AbortSignal.timeout(5_000),
    });
    return ((await reply.json()) as { readonly node?: NodeStatus }).node;
  } catch {
    return undefined;
  }
};

/** Waits until all nodes serve the same data at the same revision. */
export const untilAllEqual = (token: string): Promise<NodeStatus | undefined> =>
  untilSeen(
    () => statusOf(1, token),
    (status) =>
      status?.equal === true &&
      status.nodes.length === 3 &&
      status.nodes.every(({ state, alive, lag }) => alive && state === 'serving' && lag === 0),
  );

/**
 * Returns the IPv4 addresses on which the processes of a container listen, such as
 * `10.213.77.11:2380`.
 */
export const listeningIn = async (id: string): Promise<readonly string[]> => {
  const table = await docker('exec', id, 'cat', '/proc/net/tcp');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === '0A')
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':');
      const bytes = Buffer.from(address, 'hex').reverse();
      return `${[...bytes].join('.')}:${Number.parseInt(port, 16)}`;
    });
};

type Answer = { readonly status: number; readonly code?: string; readonly value?: string };

/**
 * Sends a request with this token to the published port of a node. Status 0 means that there was no
 * answer.
 */
export const ask = async (
  node: number,
  token: string,
  path: string,
  body?: object,
): Promise<Answer> => {
  try {
    const reply = await fetch(`${urlOf(node)}/v1/secrets${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    return { ...((await reply.json()) as object), status: reply.status };
  } catch {
    return { status: 0 };
  }
};
