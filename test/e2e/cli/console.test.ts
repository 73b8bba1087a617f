/**
 * `dsvault console` as a process: the file that opens it, and what other users of this machine can
 * see and do.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operations } from '../../../client/operations.ts';
import { type ConsoleProcess, startConsoleProcess } from '../../support/console-process.ts';
import { commandLines, openDsvault } from '../../support/dsvault.ts';
import { freshFolder } from '../../support/local-process.ts';
import { itAsRoot } from '../../support/needs.ts';
import { useVault } from '../../support/running-vault.ts';
import { until } from '../../support/until.ts';

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

  it('answers 401 without a session, for every action and for an unknown one', async () => {
    for (const name of [...Object.keys(operations), 'vault', 'unknown']) {
      expect([name, (await post(`/actions/${name}`, '{}')).status]).toEqual([name, 401]);
    }
  });

  itAsRoot(
    'hides its code and token from other local users, in its files and its processes',
    () => {
      const folder = dirname(running.launcher);
      const { pid } = running.child;
      /**
       * What `cat` prints as the user nobody. It runs in the folder, so the permissions of parent
       * folders do not matter.
       */
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
      // The launcher file itself is closed, even in a folder that everyone can enter.
      writeFileSync(join(folder, 'open'), 'for all');
      // An earlier test in this process may have set a stricter umask.
      chmodSync(join(folder, 'open'), 0o644);
      chmodSync(folder, 0o755);
      const seen = ['open', launcher].map(nobodyReads);
      chmodSync(folder, 0o700);
      expect(seen).toEqual(['for all', 'denied']);
    },
  );

  it('serves the page to everybody, and the page holds neither code nor token', async () => {
    const code = running.code();
    for (const path of ['/', '/app.js', '/app.css', '/icon.svg']) {
      const reply = await fetch(`${running.url}${path}`);
      expect([path, reply.status]).toEqual([path, 200]);
      const text = await reply.text();
      for (const secret of [code, vault.baseUrl()]) expect(text).not.toContain(secret);
      // The page knows how tokens begin, because it looks for them in files. It must not hold a
      // longer part.
      expect(text).not.toMatch(/eyJ[\w-]{8}/);
    }
  });

  it('starts the browser with the path of the launcher file and without a token, and says what to open if that fails', async () => {
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

  it('ends with exit code 5 if the vault refuses its token', async () => {
    const dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: 'a.b.c' });
    const { code, stderr } = await dsvault.run(['console', '--no-open']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('token')]);
  });
});
