/** When the container or the runtime of a function dies, a caller sees at most one failed request. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { labelOf } from '../../../local/containers/cloud.ts';
import { useVault } from '../../support/running-vault.ts';

const execute = promisify(execFile);
const vault = useVault();

const docker = async (...args: readonly string[]): Promise<string> =>
  (await execute('docker', args)).stdout.trim();

/** The running containers of the function for `/health`, which no test asks concurrently. */
const listContainers = async (): Promise<string[]> => {
  const label = `label=${labelOf(join(vault.dataDir, 'localstack'))}`;
  const listed = await docker('ps', '-q', '--filter', label, '--filter', 'name=vault-get-health');
  return listed.split('\n').filter((id) => id !== '');
};
/** Like `listContainers`, but throws if there are none. */
const containers = async (): Promise<string[]> => {
  const ids = await listContainers();
  if (ids.length === 0) throw new Error('no container of get-health runs');
  return ids;
};
/** Sends a signal to all processes of the container except the first. */
const signal = (id: string, name: string) => docker('exec', id, 'sh', '-c', `kill -${name} -1`);

/** Returns the status, also of the gateway's own answer, which breaks the contract. */
const health = async (): Promise<number> => (await fetch(`${vault.baseUrl()}/health`)).status;

beforeEach(async () => {
  expect(await health()).toBe(200);
});

describe('a function whose runtime dies', () => {
  it('answers the next request from the same container if it was idle', async () => {
    const before = await containers();
    for (const id of before) await signal(id, 'KILL');
    expect(await health()).toBe(200);
    expect(await containers()).toEqual(before);
  });

  it('gives no answer within the time limit, but answers the next request', async () => {
    for (const id of await containers()) await signal(id, 'STOP');
    expect(await health()).toBe(502);
    expect(await health()).toBe(200);
  });
});

describe('a function whose container is killed', () => {
  it('answers from a new container after at most one failed request', async () => {
    const before = await containers();
    await docker('kill', ...before);
    expect(await listContainers()).toEqual([]);
    // This request may tell LocalStack that the container is gone, or start another one.
    expect([200, 500, 502]).toContain(await health());
    expect(await health()).toBe(200);
    const after = await containers();
    expect(after.filter((id) => before.includes(id))).toEqual([]);
  });
});
