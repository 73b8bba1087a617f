/**
 * The disk below `npm start` fails at one kind of call: strace answers that call with an error. The
 * vault ends, or it goes on and is killed. After its next start, every acknowledged write is there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  addressOf,
  freshFolder,
  type LocalProcess,
  lineOf,
  runLocal,
} from '../support/local-process.ts';
import { until } from '../support/until.ts';

const writers = 8;
/**
 * Some dozens of these values fill SQLite's log, so that SQLite copies it into the database file.
 */
const value = 'x'.repeat(60_000);
const started: LocalProcess[] = [];
afterAll(() => {
  for (const { child } of started) child.kill('SIGKILL');
});

/** Each machine has one of these calls, or both. */
const removals = '?unlink,?unlinkat';

/**
 * Starts a vault whose calls of this kind on this file fail, beginning with call number `from` of
 * each thread. It cannot remove its record, either.
 */
const startFailing = (folder: string, file: string, call: string, error: string, from: number) => {
  const inject = [`trace=${call},${removals}`, `inject=${call}:error=${error}:when=${from}+`];
  const options = ['-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-P', join(folder, file)];
  options.push('-P', join(folder, 'running.json'), '-e', `inject=${removals}:error=EROFS`);
  const { PATH, HOME } = process.env;
  options.push(...inject.flatMap((expression) => ['-e', expression]), process.execPath);
  const child = spawn('strace', [...options, 'host/bin/start.ts'], {
    env: { PATH, HOME, PORT: '0', VAULT_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors]: [string[], string[]] = [[], []];
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const exit = once(child, 'close').then(([code]) => code as number);
  const vault: LocalProcess = { child, output, errors, exit };
  started.push(vault);
  return vault;
};

const tokenOf = (folder: string): Promise<string> => {
  const args = ['--tenant', 'disk', '--sub', 'alice'];
  return lineOf(runLocal('token', args, { VAULT_DATA_DIR: folder }), /^(ey.*)$/);
};
const clientOf = (url: string, token: string) => async (method: string, name: string) => {
  const isWrite = method === 'POST';
  const response = await fetch(`${url}/v1/secrets${isWrite ? '' : `/${name}`}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(isWrite && { body: JSON.stringify({ name, value }) }),
  });
  await response.text();
  return response.status;
};

type Row = {
  readonly title: string;
  readonly file: string;
  readonly call: string;
  readonly error: string;
  /**
   * The number of the first call that fails. By then the vault serves and has acknowledged some
   * writes.
   */
  readonly from: number;
  readonly ends: boolean;
};
const log = 'vault.sqlite-wal';
const rows: readonly Row[] = [
  ...['EIO', 'ENOSPC'].flatMap((error) =>
    [
      {
        title: `${error} at a write of the log`,
        file: log,
        call: 'pwrite64',
        from: 1_000,
        ends: true,
      },
      { title: `${error} at a sync of the log`, file: log, call: 'fdatasync', from: 6, ends: true },
    ].map((row) => ({ ...row, error })),
  ),
  ...[
    {
      error: 'EIO',
      title: 'EIO at a write of the checkpoint',
      call: 'pwrite64',
      from: 20,
      ends: true,
    },
    { error: 'EIO', title: 'EIO at a sync of the checkpoint', call: 'fsync', from: 2, ends: true },
    {
      ...{ error: 'ENOSPC', title: 'ENOSPC at a write of the checkpoint', call: 'pwrite64' },
      ...{ from: 20, ends: false },
    },
  ].map((row) => ({ ...row, file: 'vault.sqlite' })),
];

describe('npm start on a disk that answers', () => {
  // Shows G2.
  it.each(rows)('$title loses no acknowledged write', async ({ file, call, error, from, ends }) => {
    const folder = freshFolder();
    const vault = startFailing(folder, file, call, error, from);
    const send = clientOf(await addressOf(vault), await tokenOf(folder));
    const acknowledged: string[] = [];
    const unclear: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let turn = 0; turn < 40; turn += 1) {
        const name = `W${writer}_${turn}`;
        const status = await send('POST', name).catch(() => undefined);
        (status === 201 ? acknowledged : unclear).push(name);
        if (status !== 201) return;
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    expect(acknowledged.length).toBeGreaterThan(writers);
    if (ends) {
      await until(() => vault.child.exitCode !== null);
      expect(vault.errors.at(-1)).toMatch(
        /^the store could not write \(.*\): the vault ends, because only its next/,
      );
      expect(vault.child.exitCode).toBe(1);
    } else {
      expect(unclear).toEqual([]);
      const { pid } = vault.child;
      const node = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      process.kill(Number(node), 'SIGKILL');
      await vault.exit;
    }

    const again = runLocal('start', [], { VAULT_DATA_DIR: folder, PORT: '0' });
    started.push(again);
    const ask = clientOf(await addressOf(again), await tokenOf(folder));
    for (const name of acknowledged) expect([name, await ask('GET', name)]).toEqual([name, 200]);
    for (const name of unclear) expect([200, 404]).toContain(await ask('GET', name));
    again.child.kill('SIGTERM');
    await again.exit;
    const verified = runLocal('inspect', ['--verify'], { VAULT_DATA_DIR: folder });
    expect([await verified.exit, verified.output.at(-1)]).toEqual([
      0,
      'verified the whole table: no violations',
    ]);
  });

  it.each([
    ['a write', 'pwrite64'],
    ['a sync', 'fsync'],
  ])(
    'EIO at %s while a killed vault starts again ends it with one message, and no data is lost',
    async (_, call) => {
      const folder = freshFolder();
      const killed = runLocal('start', [], { VAULT_DATA_DIR: folder, PORT: '0' });
      const token = await tokenOf(folder);
      expect(await clientOf(await addressOf(killed), token)('POST', 'KEPT')).toBe(201);
      killed.child.kill('SIGKILL');
      await killed.exit;
      const vault = startFailing(folder, 'vault.sqlite', call, 'EIO', 1);
      expect(await vault.exit).toBe(1);
      expect(vault.errors).toEqual([
        expect.stringMatching(
          /^the log \S+-wal of the store cannot be written to disk \(.*\): look at the disk, then start again$/,
        ),
      ]);
      const again = runLocal('start', [], { VAULT_DATA_DIR: folder, PORT: '0' });
      started.push(again);
      expect(await clientOf(await addressOf(again), token)('GET', 'KEPT')).toBe(200);
    },
  );
});
