/**
 * When containers of functions are killed, a caller may get an error of the gateway. After the
 * caller has repeated the request, it has taken effect exactly once.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { freshName, useVault } from '../../support/running-vault.ts';

const execute = promisify(execFile);
const vault = useVault();

const docker = async (...args: readonly string[]): Promise<string> =>
  (await execute('docker', args)).stdout.trim();

/** Kills the container of a function. Returns whether it had one. */
const kill = async (name: string): Promise<boolean> => {
  const filters = ['--filter', `label=sam.cli.function.name=${name}`];
  const id = await docker('ps', '--quiet', ...filters);
  if (id === '') return false;
  await docker('kill', id);
  return true;
};

/**
 * Sends a request. The reply may be sam's own, which breaks the contract, so it is not checked.
 * Returns its status, or 0 if there was none.
 */
const send = async (method: string, path: string, body?: object, key = randomUUID()) => {
  const headers = {
    Authorization: `Bearer ${vault.token()}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': key,
  };
  try {
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    return (await fetch(`${vault.baseUrl()}${path}`, init)).status;
  } catch {
    return 0;
  }
};
/**
 * The statuses with which a function asks its caller to repeat the request, as it may while it
 * starts on a slow machine.
 */
const asksToRepeat = [429, 503];
const versionsOf = async (name: string): Promise<number[]> => {
  const versions: number[] = [];
  for (let cursor: string | null | undefined = ''; cursor !== null; ) {
    const query = `order=asc&limit=100${cursor ? `&cursor=${cursor}` : ''}`;
    const { json } = await vault.ask('GET', `/v1/secrets/${name}/versions?${query}`);
    versions.push(...(json.versions ?? []).map(({ version }) => version));
    cursor = json.nextCursor ?? null;
  }
  return versions;
};

const wait = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

describe('a function whose idle container is killed', () => {
  it('answers the next request normally, or asks the caller to repeat it and then answers', async () => {
    const name = freshName();
    await vault.ask('POST', '/v1/secrets', { name, value: 'v' });
    const path = `/v1/secrets/${name}`;
    expect((await vault.ask('GET', path)).status).toBe(200);
    for (let round = 0; round < 3; round += 1) {
      expect(await kill('GetSecretFunction')).toBe(true);
      expect([200, ...asksToRepeat]).toContain(await send('GET', path));
      expect(await vault.ask('GET', path)).toMatchObject({ json: { value: 'v', version: 1 } });
    }
  });
});

describe('a request whose function is killed meanwhile', () => {
  // Shows G11.
  it('takes effect exactly once when it is repeated until it succeeds, whenever its function is killed', async () => {
    const [writers, kills] = [4, 10];
    let [answered, broken, isOver] = [0, 0, false];

    /**
     * Updates one secret again and again, and repeats each update until it succeeds. Returns the
     * number of updates.
     */
    const write = async (name: string): Promise<number> => {
      await vault.ask('POST', '/v1/secrets', { name, value: 'of 0' });
      let updates = 0;
      while (!isOver) {
        updates += 1;
        const [key, body] = [randomUUID(), { value: `of ${updates}` }];
        const update = () => send('PUT', `/v1/secrets/${name}`, body, key);
        for (let status = await update(); status !== 200; status = await update()) {
          expect([0, 500, 502, 504, ...asksToRepeat]).toContain(status);
          if (!asksToRepeat.includes(status)) broken += 1;
        }
        answered += 1;
      }
      return updates;
    };

    const names = Array.from({ length: writers }, () => freshName());
    const writing = Promise.all(names.map(write));
    for (let killed = 0; killed < kills; ) {
      const goal = answered + writers;
      while (answered < goal) await wait(5);
      if (await kill('UpdateSecretFunction')) killed += 1;
    }
    isOver = true;
    const updates = await writing;
    expect(broken).toBeGreaterThanOrEqual(3);
    for (const [index, name] of names.entries()) {
      const expected = Array.from({ length: (updates[index] ?? 0) + 1 }, (_, at) => at + 1);
      expect(await versionsOf(name)).toEqual(expected);
    }
  });
});
