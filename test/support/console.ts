/**
 * The page of `dsvault console` in a real browser. All tests of a file share one browser. Every
 * time a test opens a console, it gets a new profile and a new session.
 */
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { type ConsoleProcess, type ConsoleVault, startConsoleProcess } from './console-process.ts';

/** How long a test waits for anything that should appear on a page. */
const waitMs = 60_000;

type OpenedConsole = {
  readonly page: Page;
  readonly context: BrowserContext;
  /**
   * What the page has complained about so far: console messages, script errors, and requests that
   * got no answer. A test that provokes complaints empties the list.
   */
  readonly complaints: string[];
};

type Prepare = (context: BrowserContext) => Promise<void>;

export type UsedConsole = {
  readonly process: () => ConsoleProcess;
  /**
   * Opens the console in a new profile, as a person does, and waits until it has a session.
   * `prepare` may change the profile first.
   */
  readonly open: (options?: BrowserContextOptions, prepare?: Prepare) => Promise<OpenedConsole>;
};

/** The browser of this test file, and how many consoles use it at the moment. */
let browser: Browser | undefined;
let users = 0;

const takeBrowser = async (): Promise<void> => {
  users += 1;
  browser ??= await launchChromium();
};
const leaveBrowser = async (): Promise<void> => {
  users -= 1;
  if (users > 0) return;
  await browser?.close();
  browser = undefined;
};

/**
 * Starts a console for all tests of a file or a `describe`. A test fails if one of its pages
 * complains about anything except a refused action, which Chromium logs by itself. It also fails if
 * a text field is open to the browser's helpers, such as autofill.
 */
export const useConsole = (
  vault: ConsoleVault,
  claims = {},
  args: readonly string[] = [],
): UsedConsole => {
  let running: ConsoleProcess;
  let opened: OpenedConsole[] = [];
  // Two pairs of hooks instead of one, so that the console is ended even if the browser does not
  // start.
  beforeAll(async () => {
    const token = vault.token(claims);
    running = await startConsoleProcess(vault, { token, args: ['--no-open', ...args] });
  });
  afterAll(() => running.end());
  beforeAll(takeBrowser);
  afterAll(leaveBrowser);
  afterEach(async () => {
    const complaints = opened.flatMap((one) => one.complaints);
    for (const { context } of opened) await context.close();
    opened = [];
    expect(complaints).toEqual([]);
  });
  const open: UsedConsole['open'] = async (options = {}, prepare) => {
    await running.newCode();
    const context = await (browser as Browser).newContext(options);
    context.setDefaultTimeout(waitMs);
    await context.addInitScript(watchFields);
    await prepare?.(context);
    const page = await context.newPage();
    const one = { page, context, complaints: complaintsOf(page) };
    opened.push(one);
    await followLauncher(page, running);
    return one;
  };
  return { process: () => running, open };
};

/** Presses the button with this name. */
export const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name, exact: typeof name === 'string' }).click();

/**
 * Waits until this part of the page shows the text. If `exact`, an element must have it as its
 * whole text.
 */
export const shows = (
  part: Page | Locator,
  text: string | RegExp,
  how: { readonly exact?: true } = {},
): Promise<void> => part.getByText(text, how).first().waitFor();

/** Opens the console, finds a secret in the list by its name, and opens its view. */
export const openSecret = async (console: UsedConsole, name: string): Promise<Page> => {
  const { page } = await console.open();
  await page.getByLabel(/^Find a name/).fill(name);
  // While the list narrows, its rows move, and a click could miss the link.
  await page.getByRole('link', { name, exact: true }).press('Enter');
  await page.getByRole('heading', { name: 'Through time' }).waitFor();
  return page;
};

/** Goes to one of the views: `Secrets`, `Nodes` or `Activity`. */
export const visit = (page: Page, view: string): Promise<void> =>
  page.getByRole('link', { name: view, exact: true }).click();

/** Opens the launcher file in the page and waits until the console shows its views. */
export const followLauncher = async (
  page: Page,
  { launcher }: Pick<ConsoleProcess, 'launcher'>,
): Promise<void> => {
  await page.goto(pathToFileURL(launcher).href);
  await page.getByRole('navigation').waitFor();
};

/**
 * Runs in the page. Complains about each text field, in any view or dialog, that does not keep its
 * text from spell checkers, autofill, translators and browser assistants.
 */
const watchFields = `(() => {
  const wanted = {
    autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', translate: 'no', writingsuggestions: 'false',
    'data-1p-ignore': 'true', 'data-lpignore': 'true', 'data-bwignore': 'true', 'data-form-type': 'other',
  };
  const others = ['checkbox', 'number', 'radio', 'range'];
  const told = new Set();
  new MutationObserver(() => {
    for (const field of document.querySelectorAll('input, textarea')) {
      if (others.includes(field.type) || told.has(field)) continue;
      const missing = Object.keys(wanted).filter((name) => field.getAttribute(name) !== wanted[name]);
      if (missing.length === 0) continue;
      told.add(field);
      console.error('a field without ' + missing + ': ' + field.outerHTML);
    }
  }).observe(document, { childList: true, subtree: true });
})()`;

const complaintsOf = (page: Page): string[] => {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (!message.location().url.includes('/actions/')) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('requestfailed', (request) => {
    // The page itself cancelled this request.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`${why} ${request.url()}`);
  });
  return complaints;
};
