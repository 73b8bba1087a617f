/** `dsvault console` as a process: the file that opens it, and what others on this machine can see or do. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operations } from '../../../client/operations.ts';
import { type ConsoleProcess, startConsoleProcess } from '../../support/console-process.ts';
import { commandLines, openDsvault } from '../../support/dsvault.ts';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';
import { until } from '../../support/until.ts';

const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
const vault = useVault();
let running: ConsoleProcess;
beforeAll(async () => {
  running = await startConsoleProcess(vault);
});
afterAll(() => running.end());

const post = (path: string, body: string, headers = {}) =>
  fetch(`${running.url}${path}`, {
    method: 'POST',
    headers: { Origin: running.url, ...headers },
    body,
  });

describe('dsvault console', () => {
  it('writes a launcher file that only its owner can read, in a folder that only its owner can enter', () => {
    expect(statSync(running.launcher).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(running.launcher)).mode & 0o777).toBe(0o700);
    expect(running.code()).toMatch(/^[\w-]{43}\.[\w-]{43}$/);
  });

  it('prints no code, and shows neither code nor token in the command line of any process', async () => {
    const codes = [running.code(), await running.newCode()];
    const seen = commandLines(process.pid).join('\n');
    expect(seen).toContain('dsvault.js console');
    for (const secret of [...codes, vault.token().split('.')[2] ?? '']) {
      expect(seen).not.toContain(secret);
      expect(running.output()).not.toContain(secret);
    }
  });

  it('gives another local user, who has no session, 401 for every action and an unknown one', async () => {
    for (const name of [...Object.keys(operations), 'vault', 'unknown']) {
      expect([name, (await post(`/actions/${name}`, '{}')).status]).toEqual([name, 401]);
    }
  });

  itAsRoot(
    'lets another local user read no code and no token, in its files or its processes',
    () => {
      const folder = dirname(running.launcher);
      const { pid } = running.child;
      /** The answer of `cat` to this user. It runs in the folder, so that the folders above are no hindrance. */
      const nobodyReads = (file: string) => {
        const nobody = { cwd: folder, uid: 65_534, gid: 65_534, encoding: 'utf8' } as const;
        const { stdout, stderr } = spawnSync('cat', [file], nobody);
        return stderr.includes('Permission denied') ? 'denied' : `${stdout}${stderr}`;
      };
      const launcher = basename(running.launcher);
      expect([launcher, `/proc/${pid}/environ`].map(nobodyReads)).toEqual(['denied', 'denied']);
      const commandLine = nobodyReads(`/proc/${pid}/cmdline`);
      expect(commandLine).toContain('dsvault.js\0console');
      for (const secret of [running.code(), vault.token().split('.')[2] ?? '']) {
        expect(commandLine).not.toContain(secret);
      }
      // Even in a folder that everyone can enter, the file itself is closed.
      writeFileSync(join(folder, 'open'), 'for all');
      // Another test of this process may have left a stricter umask.
      chmodSync(join(folder, 'open'), 0o644);
      chmodSync(folder, 0o755);
      const seen = ['open', launcher].map(nobodyReads);
      chmodSync(folder, 0o700);
      expect(seen).toEqual(['for all', 'denied']);
    },
  );

  it('serves the page to all, and the page holds neither code nor token', async () => {
    const code = running.code();
    for (const path of ['/', '/app.js', '/app.css', '/icon.svg']) {
      const reply = await fetch(`${running.url}${path}`);
      expect([path, reply.status]).toEqual([path, 200]);
      const text = await reply.text();
      for (const secret of [code, 'eyJ', vault.baseUrl()]) expect(text).not.toContain(secret);
    }
  });

  it('gives the browser the path of the launcher file and no token, and says what to open if it fails', async () => {
    const folder = freshFolder();
    const opener = join(folder, 'xdg-open');
    writeFileSync(
      opener,
      `#!/bin/sh\n(tr '\\0' ' ' < /proc/$$/cmdline; echo "$DSVAULT_TOKEN") > ${folder}/draft\nmv ${folder}/draft ${folder}/seen\nexit 3\n`,
    );
    chmodSync(opener, 0o700);
    const PATH = `${folder}:${process.env['PATH']}`;
    const other = await startConsoleProcess(vault, {
      args: [],
      env: { PATH },
    });
    await until(() => existsSync(join(folder, 'seen')));
    expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe(
      `/bin/sh ${opener} ${other.launcher} \n`,
    );
    expect(other.output()).toContain(`if no browser opens, open ${other.launcher} in a browser`);
    const failed = `xdg-open opens no browser (exit code 3): open ${other.launcher} yourself`;
    await until(() => other.output().includes(failed));
    await other.end();
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends at %s with one line and removes the launcher file',
    async (signal) => {
      const other = await startConsoleProcess(vault);
      expect(existsSync(other.launcher)).toBe(true);
      expect(await other.end(signal)).toBe(0);
      expect(other.output()).toMatch(/\ndsvault: the console has ended\n$/);
      expect(existsSync(other.launcher)).toBe(false);
      await expect(fetch(other.url)).rejects.toThrow();
    },
  );

  it('ends with exit code 2 if --faults is given for a vault that is no cluster of this machine', async () => {
    const dsvault = openDsvault({
      DSVAULT_ADDR: vault.baseUrl(),
      DSVAULT_TOKEN: vault.token(),
      VAULT_DATA_DIR: vault.dataDir,
    });
    const { code, stderr } = await dsvault.run(['console', '--no-open', '--faults']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--faults is only for a cluster')]);
  });

  it('ends with exit code 5 if the vault refuses its token', async () => {
    const dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: 'a.b.c' });
    const { code, stderr } = await dsvault.run(['console', '--no-open']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('token')]);
  });
});
