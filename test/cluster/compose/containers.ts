/** The containers of one cluster, handled by the commands that a person types. */
import { execFile } from 'node:child_process';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterStatus } from '../../../local/cluster/status.ts';
import { findFreePort, isFree } from '../../../local/host/ports.ts';
import { freshFolder, runFile, runLocal } from '../../support/local-process.ts';
import { untilSeen } from '../../support/until.ts';

const project = 'vault-test';
const execute = promisify(execFile);

/** Three ports in a row that were free a moment ago. */
const findFirstPort = async (): Promise<number> => {
  const first = await findFreePort();
  return (await isFree(first + 1)) && (await isFree(first + 2)) ? first : await findFirstPort();
};
let firstPort = 0;
const policyFile = join(freshFolder(), 'access.yaml');
export const urlOf = (node: number): string => `http://127.0.0.1:${firstPort + node - 1}`;

/** Runs `local/bin/<program>.ts`; throws what it printed unless it ends well. */
export const command = async (program: string, ...args: readonly string[]): Promise<string> => {
  const env = {
    COMPOSE_PROJECT_NAME: project,
    CLUSTER_PORT: String(firstPort),
    AUTH_POLICY_FILE: policyFile,
  };
  const { exit, output, errors } = runLocal(program, args, env);
  const code = await exit;
  if (code === 0) return output.join('\n');
  throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${errors.join('\n')}`);
};

/** Replaces the access policy of the nodes as an editor does. The nodes run as another user, who must be able to read it. */
export const writePolicy = (policy: string): void => {
  chmodSync(dirname(policyFile), 0o755);
  writeFileSync(`${policyFile}.new`, policy);
  renameSync(`${policyFile}.new`, policyFile);
};

/** Starts Docker where it does not run, makes the images that cannot be pulled, and chooses the nodes' ports. */
export const prepare = async (): Promise<void> => {
  writePolicy('issuers: [{ id: local, localKey: true }]');
  const { exit, errors } = runFile('test/support/images/prepare.ts', ['node'], {});
  if ((await exit) !== 0) throw new Error(errors.join('\n'));
  // Making images takes minutes, in which another worker could take the ports.
  firstPort = await findFirstPort();
};
export const cluster = (...args: readonly string[]): Promise<string> =>
  command('cluster', '--docker', ...args);
export const statusNow = async (): Promise<ClusterStatus> =>
  JSON.parse(await cluster('status', '--json'));

export const docker = async (...args: readonly string[]): Promise<string> =>
  (await execute('docker', args)).stdout.trim();

/** Our containers' ids, by service. */
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

/** Waits until all nodes serve with one digest at one revision. */
export const untilAllEqual = () =>
  untilSeen(
    statusNow,
    ({ nodes, equal }) =>
      equal &&
      nodes.every(({ state }) => state === 'serving') &&
      new Set(nodes.map((one) => `${one.appliedRevision} ${one.digest}`)).size === 1,
    60_000,
  );

/** The IPv4 addresses on which the processes of a container listen: `10.213.77.11:2380`. */
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

/** A request to the published port of a node, with this token. Status 0: no answer. */
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
