/**
 * Searches every place where a browser, `dsvault` or the vault could keep values that were shown,
 * copied, typed and hidden again.
 */
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import {
  deriveKey,
  purposeOfAnswer,
  type SharedSecret,
  unseal,
} from '../../cli/console/sealing.ts';
import { chromiumOptions } from '../support/chromium.ts';
import { followLauncher, press as pressIn, shows } from '../support/console.ts';
import { type ConsoleProcess, startConsoleProcess } from '../support/console-process.ts';
import { passOf } from '../support/console-session.ts';
import { freshFolder } from '../support/local-process.ts';
import { freshName, useVault } from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const vault = useVault();
const name = freshName();
const [first, second, third] = ['first', 'second', 'third'].map(
  (word) => `${word}-${randomBytes(9).toString('hex')}`,
) as [string, string, string];
const canaries = [first, second, third];

let running: ConsoleProcess;
let context: BrowserContext;
let page: Page;
const profile = freshFolder();
/** What the page and the console's server exchange when a session is opened or an action is run. */
const traffic: {
  readonly action: string;
  readonly sent: string;
  readonly request: Buffer;
  readonly got: string;
}[] = [];
/** The id and the secret with which the session was opened. */
let code: SharedSecret;
const messages: string[] = [];

beforeAll(async () => {
  running = await startConsoleProcess(vault);
});
afterAll(() => running.end());
beforeAll(async () => {
  const permissions = ['clipboard-read', 'clipboard-write'];
  context = await chromium.launchPersistentContext(profile, { ...chromiumOptions(), permissions });
  context.setDefaultTimeout(15_000);
  page = await context.newPage();
  await page.clock.install();
  page.on('console', (message) => messages.push(message.text()));
  await page.route(/\/(session$|actions\/)/, async (route) => {
    const request = route.request();
    const response = await route.fetch();
    const body = request.postDataBuffer() ?? Buffer.alloc(0);
    traffic.push({
      action: new URL(request.url()).pathname,
      sent: JSON.stringify([request.url(), request.headers(), body.toString('latin1')]),
      request: body,
      got: await response.text(),
    });
    await route.fulfill({ response });
  });
  code = passOf(running.code());
  await followLauncher(page, running);
});
afterAll(() => context.close());

const press = (label: string) => pressIn(page, label);

/**
 * Everything the page holds: its text and attributes, the contents of its fields, title and
 * address, and what it stores.
 */
const held = async (): Promise<string> => {
  const inPage = await page.evaluate(`(async () => {
    const fields = [...document.querySelectorAll('input, textarea, select')];
    return JSON.stringify([
      document.documentElement.outerHTML,
      fields.map(({ value, defaultValue }) => [value, defaultValue]),
      [document.title, location.href, history.state, name, document.cookie],
      [Object.entries(localStorage), Object.entries(sessionStorage)],
      [await indexedDB.databases(), await caches.keys()],
      getSelection().toString(),
    ]);
  })()`);
  const cdp = await context.newCDPSession(page);
  const { entries } = await cdp.send('Page.getNavigationHistory');
  await cdp.detach();
  return JSON.stringify([inPage, entries, await context.storageState({ indexedDB: true })]);
};
const canariesIn = (text: string): string[] => canaries.filter((canary) => text.includes(canary));

describe('values in the console', () => {
  it('are gone from the whole page after a person has created, seen, updated or compared them and they are hidden again', async () => {
    await press('New secret');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Value', { exact: true }).fill(first);
    expect(canariesIn(await held())).toEqual([first]);
    await press('Create');
    await page.getByRole('heading', { name, exact: true }).waitFor();
    expect(canariesIn(await held())).toEqual([]);

    await press('Show the current value');
    await shows(page, first, { exact: true });
    await page.clock.fastForward(20_000);
    expect(canariesIn(await held())).toEqual([first]);
    await page.clock.fastForward(10_000);
    await page.getByText(first).waitFor({ state: 'detached' });
    expect(canariesIn(await held())).toEqual([]);

    await press('Update');
    await page.getByLabel('Value', { exact: true }).fill(third);
    await press('Cancel');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(canariesIn(await held())).toEqual([]);

    await press('Update');
    await page.getByLabel('Value', { exact: true }).fill(second);
    await press('Store');
    await shows(page, `Stored version 2 of ${name}.`);
    expect(canariesIn(await held())).toEqual([]);

    await press('Show the current value');
    await shows(page, second, { exact: true });
    await page.evaluate('dispatchEvent(new Event("blur"))');
    await page.getByText(second).waitFor({ state: 'detached' });
    await press('Show the current value');
    await shows(page, second, { exact: true });
    await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
    await page.getByText(second).waitFor({ state: 'detached' });

    await press('Show the lines');
    await shows(page, first);
    expect(canariesIn(await held())).toEqual([first, second]);
    await press('Hide the lines');
    expect(canariesIn(await held())).toEqual([]);
  });

  // Fake time stands still, so these values are not hidden just because 30 s have passed.
  it('stay hidden if the window has lost the focus before they arrive', async () => {
    await page.evaluate('document.hasFocus = () => false');
    const hidden = page.evaluate(`new Promise((resolve) => {
      const isOutput = ({ nodeName }) => nodeName === 'OUTPUT';
      new MutationObserver((changes) => {
        if (changes.some(({ removedNodes }) => [...removedNodes].some(isOutput))) resolve();
      }).observe(document.body, { subtree: true, childList: true });
    })`);
    await press('Show the current value');
    await hidden;
    await page.evaluate('delete document.hasFocus');
    expect(canariesIn(await held())).toEqual([]);
  });

  it('are gone from the clipboard 30 s after a copy, unless the person has copied something else', async () => {
    const clipboard = () => page.evaluate('navigator.clipboard.readText()');
    const copy = async () => {
      await press('Copy the current value');
      await until(async () => (await clipboard()) === second);
    };
    await copy();
    await page.clock.fastForward(30_000);
    await until(async () => (await clipboard()) === '');
    await copy();
    await page.evaluate('navigator.clipboard.writeText("another")');
    await page.clock.fastForward(30_000);
    expect(await clipboard()).toBe('another');
    // A window without the focus cannot clear the clipboard. It does so when the focus returns.
    await copy();
    await page.evaluate('document.hasFocus = () => false');
    await page.clock.fastForward(30_000);
    expect(await clipboard()).toBe(second);
    await page.evaluate('delete document.hasFocus; dispatchEvent(new Event("focus"))');
    await until(async () => (await clipboard()) === '');
    expect(canariesIn(await held())).toEqual([]);
  });

  it('pass between the page and the console only in sealed form', () => {
    const actions = new Set(traffic.map(({ action }) => action));
    for (const id of ['create-secret', 'update-secret', 'get-secret']) {
      expect([...actions]).toContain(`/actions/${id}`);
    }
    for (const { sent, got } of traffic) {
      const texts = [sent, got, Buffer.from(got, 'base64').toString('latin1')];
      expect(canariesIn(texts.join())).toEqual([]);
    }
  });

  it('appear in no message of the page, no output of dsvault, and no log of the vault', () => {
    expect(messages).toEqual([]);
    expect(canariesIn(running.output())).toEqual([]);
    expect(vault.lines().join('\n')).toContain('create-secret');
    expect(canariesIn(vault.lines().join('\n'))).toEqual([]);
  });

  it("appear in no file of the browser's profile, and neither do the id and the secret of the session", async () => {
    const opening = traffic.find(({ action }) => action === '/session');
    const key = await deriveKey(code.secret);
    const sealed = Buffer.from(opening?.got ?? '', 'base64');
    const purpose = purposeOfAnswer(new Uint8Array(opening?.request ?? []), 0);
    const { body } = (await unseal(key, new Uint8Array(sealed), purpose)) as { body: SharedSecret };
    expect(body).toEqual({ id: expect.any(String), secret: expect.any(String) });
    await context.close();
    const files = globSync(join(profile, '**'), { exclude: () => false }).filter((file) =>
      statSync(file).isFile(),
    );
    const filesWith = (text: string): string[] =>
      files.filter((file) => {
        const bytes = readFileSync(file);
        return ['utf8', 'utf16le'].some((code) => bytes.includes(text, 0, code as BufferEncoding));
      });
    // The name appears in addresses, so the browser keeps it. Finding it proves that the search
    // works.
    expect(filesWith(name)).not.toEqual([]);
    expect([...canaries, body.id, body.secret].flatMap(filesWith)).toEqual([]);
  });
});
