/**
 * The page of `dsvault console` in a real browser. A test file has one browser; each opening of a console is a new
 * session in a new profile.
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

/** For each thing that a test waits for in a page. */
const waitMs = 15_000;

type OpenedConsole = {
  readonly page: Page;
  readonly context: BrowserContext;
  /**
   * What the page has complained of so far: console messages, errors of scripts, and requests without an answer.
   * A test that provokes some empties the list.
   */
  readonly complaints: string[];
};

type Prepare = (context: BrowserContext) => Promise<void>;

export type UsedConsole = {
  readonly process: () => ConsoleProcess;
  /**
   * Opens the console in a new profile, as a person does, and waits until it has a session. `prepare` may change the
   * profile before.
   */
  readonly open: (options?: BrowserContextOptions, prepare?: Prepare) => Promise<OpenedConsole>;
};

/** The browser of a test file, and how many of its consoles use it now. */
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
 * A console for all tests of a file or a `describe`. A test fails if one of its pages complains, except about an action that was
 * refused, which Chromium notes by itself, or if the browser's own helpers may read a field.
 */
export const useConsole = (
  vault: ConsoleVault,
  claims = {},
  args: readonly string[] = [],
): UsedConsole => {
  let running: ConsoleProcess;
  let opened: OpenedConsole[] = [];
  // One after the other, so that each is ended if the next does not start.
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

/** Presses the button of this name, in the view or the dialog that a person sees. */
export const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name, exact: typeof name === 'string' }).click();

/** Waits until this part of the page shows the text; if it is `exact`, as the whole text of an element. */
export const shows = (
  part: Page | Locator,
  text: string | RegExp,
  how: { readonly exact?: true } = {},
): Promise<void> => part.getByText(text, how).first().waitFor();

/** Opens the console, and in it the view of a secret by its name in the list. */
export const openSecret = async (console: UsedConsole, name: string): Promise<Page> => {
  const { page } = await console.open();
  await page.getByLabel(/^Find a name/).fill(name);
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name: 'Through time' }).waitFor();
  return page;
};

/** Goes to one of the views: `Secrets`, `.env`, `Nodes` or `Activity`. */
export const visit = (page: Page, view: string): Promise<void> =>
  page.getByRole('link', { name: view, exact: true }).click();

/** Opens the launcher file, and waits for the views. */
export const followLauncher = async (
  page: Page,
  { launcher }: Pick<ConsoleProcess, 'launcher'>,
): Promise<void> => {
  await page.goto(pathToFileURL(launcher).href);
  await page.getByRole('navigation').waitFor();
};

/**
 * Complains of each field for text, in any view or dialog, that does not keep its text from spell checkers, autofill,
 * translators and the assistants of browsers.
 */
const watchFields = `(() => {
  const wanted = {
    autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', translate: 'no', writingsuggestions: 'false',
    'data-1p-ignore': 'true', 'data-lpignore': 'true', 'data-bwignore': 'true', 'data-form-type': 'other',
  };
  const others = ['checkbox', 'datetime-local', 'file', 'number', 'radio', 'range'];
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
    // An action that the page itself gave up.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`${why} ${request.url()}`);
  });
  return complaints;
};
