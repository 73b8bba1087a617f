/**
 * `dsv console` as a process, and its page in a real browser: Chromium without a window. A test file has one browser and
 * one console; each opening is a new session in a new profile.
 */
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { findProgram } from '../../local/host/supervisor.ts';
import { type Dsv, openDsv } from './dsv.ts';
import type { RunningVault } from './running-vault.ts';
import { untilSeen } from './until.ts';

/** A running `dsv console`. */
type ConsoleProcess = {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The file that redirects a browser to a new code. */
  readonly launcher: string;
  readonly dsv: Dsv;
  readonly pid: number;
  /** All that it has written to stderr. */
  readonly messages: () => string;
  /** Presses Enter, and returns the new code. */
  readonly newCode: () => Promise<string>;
  /** Asks it to end, and returns its exit code. */
  readonly end: () => Promise<number | null>;
};

/** The vault of a console: `npm start`, or a cluster by one of its nodes. */
type ConsoleVault = Pick<RunningVault, 'baseUrl' | 'token' | 'dataDir'>;

/** Starts `dsv console` for a vault, by default with a token for everything in the vault's own tenant. */
const startConsoleProcess = async (
  vault: ConsoleVault,
  token = vault.token(),
): Promise<ConsoleProcess> => {
  const dsv = openDsv({
    DSV_ADDR: vault.baseUrl(),
    DSV_TOKEN: token,
    VAULT_DATA_DIR: vault.dataDir,
  });
  const { child, prints, type, ran } = dsv.start(['console', '--no-open'], { open: true });
  let messages = '';
  child.stderr?.on('data', (text) => {
    messages += text;
  });
  await prints('press Enter');
  const launcher = /open (\S+\.html) in a browser/.exec(messages)?.[1] ?? '';
  const read = () => readFileSync(launcher, 'utf8');
  const codeIn = (page: string): string => /#code=([\w-]+)/.exec(page)?.[1] ?? '';
  return {
    url: /url=(http:\/\/127\.0\.0\.1:\d+)\//.exec(read())?.[1] ?? '',
    launcher,
    dsv,
    pid: child.pid ?? 0,
    messages: () => messages,
    newCode: async () => {
      const old = read();
      type('\n');
      return codeIn(await untilSeen(read, (page) => page !== old));
    },
    end: async () => {
      child.kill('SIGTERM');
      return (await ran).code;
    },
  };
};

/** Starts Chromium with a profile that ends with it. `names` resolve to 127.0.0.1 in this browser. */
const launchChromium = (names: readonly string[] = []): Promise<Browser> =>
  chromium.launch(chromiumOptions(names));

/** How Chromium is started. Throws if it is not installed. */
const chromiumOptions = (names: readonly string[] = []) => {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) {
    throw new Error('chromium is not on the PATH: install it (Debian: apt-get install chromium)');
  }
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(',');
  const args = ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=${rules}`];
  return { executablePath, args, headless: true };
};

type OpenedConsole = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page has complained of so far: console messages, errors of scripts, and requests without an answer. */
  readonly complaints: readonly string[];
};

export type UsedConsole = {
  readonly process: () => ConsoleProcess;
  readonly browser: () => Browser;
  /** Opens the console in a new profile, as a person does, and waits until it has a session. */
  readonly open: (options?: BrowserContextOptions) => Promise<OpenedConsole>;
};

/**
 * A console for all tests of a file. A test fails if one of its pages complains, except about an action that was
 * refused, which Chromium notes by itself.
 */
export const useConsole = (vault: ConsoleVault, claims = {}): UsedConsole => {
  let running: ConsoleProcess;
  let browser: Browser;
  let opened: OpenedConsole[] = [];
  beforeAll(async () => {
    [running, browser] = await Promise.all([
      startConsoleProcess(vault, vault.token(claims)),
      launchChromium(),
    ]);
  });
  afterEach(async () => {
    const complaints = opened.flatMap((one) => one.complaints);
    for (const { context } of opened) await context.close();
    opened = [];
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await running.end();
    expect(existsSync(running.launcher)).toBe(false);
  });
  const open = async (options: BrowserContextOptions = {}): Promise<OpenedConsole> => {
    await running.newCode();
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const one = { page, context, complaints: complaintsOf(page) };
    opened.push(one);
    await followLauncher(page, running);
    return one;
  };
  return { process: () => running, browser: () => browser, open };
};

/** Opens the launcher file, and waits for the views. */
const followLauncher = async (page: Page, { launcher }: ConsoleProcess): Promise<void> => {
  await page.goto(pathToFileURL(launcher).href);
  await page.getByRole('navigation').waitFor();
};

const complaintsOf = (page: Page): string[] => {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (!message.location().url.includes('/actions/')) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('requestfailed', (request) => {
    // An action that the page itself gave up.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`${why} ${request.url()}`);
  });
  return complaints;
};
