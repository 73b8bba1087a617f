import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configurationFolder, environmentFor } from '../../system/environment.ts';
import { failure, systemCodeOf } from '../../system/failures.ts';
import { createConsoleClient } from '../console/console-client.ts';
import { machineActions } from '../console/machine-actions.ts';
import { type Action, type PageFile, startConsole } from '../console/server.ts';
import { vaultActions } from '../console/vault-actions.ts';
import { note, noteLine } from '../output/output.ts';
import { replaceFile } from '../output/private-files.ts';
import { endProgress } from '../output/progress.ts';
import { createFindLocal, findLocalVaults } from '../requests/local-vaults.ts';
import type { Settings } from '../requests/settings.ts';
import { type Client, openClient, openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

export const consoleCommand = () =>
  vaultCommand(
    'console',
    'look at the vault in a browser, on this machine',
    'dsvault console',
    'dsvault console --profile production',
  )
    .option('--no-open', 'do not open a browser; say which file to open')
    .action(async ({ open, json: _, ...flags }) => {
      const { client, settings } = openSession(flags);
      const clients = clientsOf(client, settings);
      // Asks the vault before the page opens, because a page that can only show refusals would not
      // help anybody. Also looks for the vault on this machine, because how to start it is known
      // only while it runs.
      await Promise.all([clients.client('whoami'), clients.findLocal().catch(() => undefined)]);
      const server = await startConsole({
        files: pageFiles(),
        actions: actionsOf(clients, settings),
      });
      const launcher = launcherOf(server.url);
      const show = () => {
        replaceFile({ file: launcher, mode: 0o600 }, launchPage(server.url, server.newCode()));
        if (open) openInBrowser(launcher);
        const how = open ? 'if no browser opens, ' : '';
        note(`${how}open ${launcher} in a browser of this machine, within a minute`);
      };
      // If a signal came before anybody listens for it, the launcher file would be left behind.
      const ended = untilEnded();
      show();
      // The page shows by itself that its requests are running, so the terminal no longer does.
      endProgress();
      note(`the console of ${settings.addr} runs until Ctrl-C; press Enter to open it again`);
      process.stdin.on('data', show);
      await ended;
      process.stdin.pause();
      rmSync(launcher, { force: true });
      await server.close();
      // The terminal has written ^C, so the message begins on a new line.
      if (process.stderr.isTTY) noteLine('');
      note('the console has ended');
    });

/** A client for the vault, whose reads any of its nodes may answer, and a client for each node. */
const clientsOf = (client: Client, settings: Settings) => {
  const { addr } = settings;
  const findLocal = createFindLocal(addr, findLocalVaults);
  const known = new Map<string, Client>();
  const clientOf = (url: string): Client => {
    const one = known.get(url) ?? openClient({ ...settings, addr: url, ...givesUpSoon });
    known.set(url, one);
    return one;
  };
  return {
    findLocal,
    clientOf,
    client: createConsoleClient({ addr, client, findLocal, clientOf }),
  };
};

const actionsOf = (
  { client, clientOf, findLocal }: ReturnType<typeof clientsOf>,
  { profile, addr }: Settings,
): ReadonlyMap<string, Action> =>
  new Map([
    ...vaultActions(client, { profile, addr }),
    ...machineActions({ addr, findLocal, clientOf }),
  ]);

/**
 * The settings of requests to a single node. A dead node must not delay the answers about the
 * others.
 */
const givesUpSoon = { retries: 0, timeoutMs: 2_000 };

/** Reads the files of the page, which `cli/dsvault.js` builds next to this bundle. */
const pageFiles = (): ReadonlyMap<string, PageFile> => {
  const folder = fileURLToPath(new URL('./console/', import.meta.url));
  const read = (name: string, type: string): PageFile => {
    try {
      return { type: `${type}; charset=utf-8`, body: readFileSync(join(folder, name)) };
    } catch (error) {
      throw failure(`the page of the console is missing from ${folder}`, { cause: error });
    }
  };
  return new Map([
    ['/', read('index.html', 'text/html')],
    ['/app.js', read('app.js', 'text/javascript')],
    ['/app.css', read('app.css', 'text/css')],
    ['/icon.svg', read('icon.svg', 'image/svg+xml')],
  ]);
};

/**
 * The path of the file that opens the console in a browser. The code that begins a session is in
 * this file, which only its owner can read, because others can read the command line of a browser.
 */
const launcherOf = (url: string): string => {
  mkdirSync(configurationFolder(), { recursive: true, mode: 0o700 });
  return join(configurationFolder(), `console-${new URL(url).port}.html`);
};

const launchPage = (url: string, code: string): string =>
  `<!doctype html><meta charset="utf-8"><title>console</title>` +
  `<meta http-equiv="refresh" content="0;url=${url}/#code=${code}">\n`;

const openInBrowser = (file: string): void => {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const env = environmentFor();
  const child = spawn(program, [file], { env, stdio: 'ignore', detached: true });
  const tell = (why: string) => note(`${program} opens no browser (${why}): open ${file} yourself`);
  child.once('error', (error) => tell(systemCodeOf(error)));
  child.once('exit', (code) => code && tell(`exit code ${code}`));
  child.unref();
};

const untilEnded = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => resolve());
  });
