/**
 * Runs a vault on a disk of 24 MiB. The disk is in a private mount namespace, so it disappears with
 * the vault.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addressOf,
  freshFolder,
  type LocalProcess,
  lineOf,
  runLocal,
} from '../support/local-process.ts';
import { until } from '../support/until.ts';

const folder = freshFolder();
let vault: LocalProcess;
let url: string;
let token: string;
/**
 * Returns the path of the data folder as this process sees it. Only the namespace of the vault
 * mounts the disk.
 */
const seenFolder = () => `/proc/${vault.child.pid}/root${folder}`;

const startOnSmallDisk = (): LocalProcess => {
  const script = `mount -t tmpfs -o size=24m,mode=0700 tmpfs "$VAULT_DATA_DIR" &&
    exec "$0" host/bin/start.ts`;
  const { PATH, HOME } = process.env;
  const child = spawn('unshare', ['-rm', 'sh', '-c', script, process.execPath], {
    env: { PATH, HOME, PORT: '0', VAULT_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors]: [string[], string[]] = [[], []];
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  return { child, output, errors, exit: once(child, 'close').then(([code]) => code as number) };
};

beforeAll(async () => {
  vault = startOnSmallDisk();
  url = await addressOf(vault);
  const args = ['--tenant', 'disk', '--sub', 'alice'];
  token = await lineOf(runLocal('token', args, { VAULT_DATA_DIR: seenFolder() }), /^(ey.*)$/);
});
afterAll(async () => {
  vault.child.kill('SIGTERM');
  await vault.exit;
});

const value = 'x'.repeat(60_000);
const create = async (name: string) => {
  const response = await fetch(`${url}/v1/secrets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, value }),
  });
  return response.status;
};
const read = async (name: string) => {
  const headers = { Authorization: `Bearer ${token}` };
  return (await fetch(`${url}/v1/secrets/${name}`, { headers })).status;
};
/** Fills the rest of the disk. */
const fill = (): void => {
  for (const bytes of [1_048_576, 4_096]) {
    try {
      for (;;) writeFileSync(join(seenFolder(), 'filler'), Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
    }
  }
};
const said = (pattern: RegExp) => vault.errors.some((line) => pattern.test(line));

const logText = () => readFileSync(join(seenFolder(), 'log'), 'utf8');
const logged = () => vault.errors.filter((line) => line.includes('"message":"request"'));

describe('a vault whose disk fills up', () => {
  it('says on stderr before the disk is full that it refuses writes, still reads, and accepts writes again when there is space', async () => {
    expect(await create('BEFORE')).toBe(201);
    expect(vault.errors).toEqual([]);
    writeFileSync(join(seenFolder(), 'filler'), Buffer.alloc(8 * 1_048_576));
    await until(() =>
      said(/^the disk of .* has \d+ KiB left: every write is refused until there is room$/),
    );
    fill();
    expect(await create('REFUSED')).toBe(503);
    expect(JSON.parse(logged()[0] ?? '{}')).toMatchObject({
      status: 503,
      code: 'store_unavailable',
    });
    expect([await read('BEFORE'), await read('REFUSED')]).toEqual([200, 404]);
    // The log is on the same disk. One of its lines meets the end of the disk and is cut off there.
    for (let line = 0; line < 20; line += 1) await read('BEFORE');
    expect(logText().endsWith('}\n')).toBe(false);
    rmSync(join(seenFolder(), 'filler'));
    await until(() => said(/^the disk of .* has space again$/));
    expect([await create('AFTER'), await read('AFTER')]).toEqual([201, 200]);
    const [created = '', reading = ''] = logText().trim().split('\n').slice(-2);
    expect(JSON.parse(created)).toMatchObject({ operation: 'create-secret', secret: 'AFTER' });
    expect(JSON.parse(reading)).toMatchObject({ operation: 'get-secret', secret: 'AFTER' });
    expect(vault.errors.join('\n')).not.toContain('xxx');
  });
});
