/** What a caller notices when the container of a function, or what runs in it, dies: at most one answer that is none. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { labelOf } from '../../local/container/cloud.ts';
import { type RunningVault, startVault } from '../support/running-vault.ts';

const execute = promisify(execFile);
let vault: RunningVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const docker = async (...args: readonly string[]): Promise<string> =>
  (await execute('docker', args)).stdout.trim();

/** The running containers of the function that answers `/health`, which no test asks twice at once. */
const listContainers = async (): Promise<string[]> => {
  const label = `label=${labelOf(join(vault.dataDir, 'localstack'))}`;
  const listed = await docker('ps', '-q', '--filter', label, '--filter', 'name=vault-get-health');
  return listed.split('\n').filter((id) => id !== '');
};
/** Throws if there are none. */
const containers = async (): Promise<string[]> => {
  const ids = await listContainers();
  if (ids.length === 0) throw new Error('no container of get-health runs');
  return ids;
};
/** Sends a signal to all that runs in the container but its first process. */
const signal = (id: string, name: string) => docker('exec', id, 'sh', '-c', `kill -${name} -1`);

/** The gateway's own answer, too, which is as no function would answer. */
const health = async (): Promise<number> => (await fetch(`${vault.baseUrl()}/health`)).status;

beforeEach(async () => {
  expect(await health()).toBe(200);
});

describe('a function whose runtime dies', () => {
  it('while it is idle answers the next request, from the same container', async () => {
    const before = await containers();
    for (const id of before) await signal(id, 'KILL');
    expect(await health()).toBe(200);
    expect(await containers()).toEqual(before);
  });

  it('by its time limit gives no answer to that request, and one to the next', async () => {
    for (const id of await containers()) await signal(id, 'STOP');
    expect(await health()).toBe(502);
    expect(await health()).toBe(200);
  });
});

describe('a function whose container is killed', () => {
  it('answers again from another one, after at most one request that fails', async () => {
    const before = await containers();
    await docker('kill', ...before);
    expect(await listContainers()).toEqual([]);
    // LocalStack may learn from this request that the container is gone, or have another one start for it.
    expect([200, 500, 502]).toContain(await health());
    expect(await health()).toBe(200);
    const after = await containers();
    expect(after.filter((id) => before.includes(id))).toEqual([]);
  });
});
