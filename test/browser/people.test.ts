/**
 * The console must be usable by everybody: checked with axe, narrow windows, only the keyboard, and
 * the size of the script.
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { faultsOf } from '../support/accessible.ts';
import { press, shows, useConsole } from '../support/console.ts';
import { enter, focused, tabTo } from '../support/keyboard.ts';
import { useVault } from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const vault = useVault();
const console = useConsole(vault, {
  scope: 'secrets:read secrets:write secrets:delete secrets:destroy secrets:explain vault:status',
});

const longest = 'L'.repeat(128);
const limited = useConsole(vault, { scope: 'secrets:read' });

beforeAll(async () => {
  const written = { value: 'x'.repeat(500), note: 'n'.repeat(500) };
  await vault.ask('POST', '/v1/secrets', { name: longest, ...written });
  await vault.ask('PUT', `/v1/secrets/${longest}`, { ...written, value: 'line\n'.repeat(20) });
  await vault.create('v', 'DELETED');
  await vault.ask('DELETE', '/v1/secrets/DELETED');
});

const go = (page: Page, route: string) => page.evaluate(`location.hash = '#/${route}'`);
const heading = (page: Page, name: string) =>
  page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();

// `faultsOf` runs axe at 360 px and 1280 px, and in dark mode only its rule about contrast. It also
// looks for parts that are wider than the window, and moves through the whole page with Tab.
describe('axe, narrow windows and Tab', () => {
  it('find no fault in the list of secrets and the dialog for a new one', async () => {
    const { page } = await console.open();
    await page.getByRole('link', { name: longest }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('radio', { name: 'deleted' }).check();
    await page.getByRole('link', { name: 'DELETED' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await press(page, 'New secret');
    await page.getByText('Generate a value').click();
    await page.getByRole('button', { name: 'Generate', exact: true }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });

  it('find no fault in the view of a secret with the longest name', async () => {
    const { page } = await console.open();
    await go(page, `secrets/${longest}`);
    await heading(page, longest);
    await press(page, 'Show the value of version 1');
    await shows(page, 'x'.repeat(500));
    await press(page, 'Show the lines');
    await page.locator('ins').first().waitFor();
    await press(page, 'Earlier version');
    await press(page, 'What may I do?');
    await page.getByText('As another caller').click();
    await page.waitForLoadState('networkidle');
    expect(await faultsOf(page)).toEqual([]);
    await press(page, 'Destroy version 1');
    await page.getByRole('dialog').waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });

  it('find no fault in the views of a deleted, a stored and a missing secret with a token that may only read', async () => {
    const { page } = await limited.open();
    for (const name of ['DELETED', longest]) {
      await go(page, `secrets/${name}`);
      await heading(page, name);
      await page.getByRole('heading', { name: 'Versions', exact: true }).waitFor();
      expect(await faultsOf(page)).toEqual([]);
    }
    await go(page, 'secrets/MISSING');
    await shows(page, 'There is no secret with this name');
    expect(await faultsOf(page)).toEqual([]);
  });

  it('find no fault in nodes, activity, the story of a request, and a page without a session', async () => {
    const { page } = await console.open();
    await go(page, 'nodes');
    await shows(page, 'can be used');
    expect(await faultsOf(page)).toEqual([]);
    const { headers } = await vault.ask('GET', `/v1/secrets/${longest}`);
    await go(page, 'activity');
    await page.locator('tbody tr').first().waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await go(page, `activity/${headers.get('x-request-id')}`);
    await page.locator('tbody tr').first().waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.reload();
    await heading(page, 'This page has no session');
    expect(await faultsOf(page)).toEqual([]);
  });
});

/** Waits for a view after navigation. Its heading gets the focus. */
const arrived = (page: Page, name: string) =>
  page.locator('h1:focus').filter({ hasText: name }).waitFor();

describe('a person with only a keyboard', () => {
  it('creates a secret, sees and hides its value, changes it, and goes back to the list', async () => {
    const { page } = await console.open();
    const { keyboard } = page;
    await enter(page, /^New secret/);
    await page.getByRole('dialog').waitFor();
    await keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await focused(page)).toMatch(/^New secret/);
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await focused(page)).toBe('Name');
    await keyboard.type('BY_KEYBOARD');
    await tabTo(page, /^Value/);
    await keyboard.type('typed');
    await enter(page, /^Create$/);
    await arrived(page, 'BY_KEYBOARD');
    await tabTo(page, /^Show the current value/);
    await keyboard.press('Space');
    await shows(page, 'typed', { exact: true });
    expect(await focused(page)).toMatch(/^Hide the current value/);
    await keyboard.press('Space');
    await page.getByText('typed', { exact: true }).waitFor({ state: 'detached' });
    await enter(page, /^Update/);
    await page.getByRole('dialog').waitFor();
    expect(await focused(page)).toBe('Value');
    await keyboard.type('changed');
    await enter(page, /^Store$/);
    await shows(page, 'Stored version 2 of BY_KEYBOARD.');
    await enter(page, /^Secrets$/);
    await heading(page, 'Secrets');
    expect((await vault.ask('GET', '/v1/secrets/BY_KEYBOARD')).json.value).toBe('changed');
  });

  it('filters the log, holds it still, and follows the story of a request', async () => {
    const name = await vault.create();
    const { page } = await console.open();
    const { keyboard } = page;
    await heading(page, 'Secrets');
    await enter(page, /^Activity$/);
    await arrived(page, 'Activity');
    await tabTo(page, /^Secret$/);
    await keyboard.type(name);
    await tabTo(page, /^Hide lists and status requests/);
    await keyboard.press('Space');
    await shows(page, `${name}@1`);
    await tabTo(page, /^Pause$/);
    await keyboard.press('Space');
    expect(await focused(page)).toBe('Resume');
    await enter(page, /, its story$/);
    await shows(page, `asked for create-secret on ${name}`);
    await enter(page, /^All activity$/);
    await heading(page, 'Activity');
  });
});

describe('the page of the console', () => {
  it('has a script that gzip compresses to less than 150 kB', () => {
    expect(gzipSync(readFileSync('.local/cli/console/app.js')).length).toBeLessThan(150_000);
  });

  // Every test that opens the console checks all fields for this (test/support/console.ts). This
  // test checks that a field which fails the check is reported.
  it('fails the check of these tests if a text field is open to autofill and other helpers of the browser', async () => {
    const { page, complaints } = await console.open();
    await page.evaluate(`document.body.append(document.createElement('textarea'))`);
    await until(() => complaints.length > 0);
    expect(complaints.splice(0)).toEqual([expect.stringMatching(/^a field without autocomplete,/)]);
  });

  it('does not ask about the nodes again before the first answer, even if the page is hidden and shown', async () => {
    const { page } = await console.open();
    let asked = 0;
    // From now on, the page's requests for the nodes are never answered.
    await page.route('**/actions/nodes', () => {
      asked += 1;
    });
    const first = page.waitForRequest('**/actions/nodes');
    await go(page, 'nodes');
    await first;
    for (const isHidden of [true, false, true, false]) {
      await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    }
    await page.waitForTimeout(200);
    expect(asked).toBe(1);
  });

  it('hardly moves what is already visible, and sends no request to another server', async () => {
    const { page } = await console.open();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const own = new URL(page.url()).origin;
    for (const route of ['secrets', `secrets/${longest}`, 'nodes', 'activity']) {
      await go(page, route);
      await page.getByRole('heading', { level: 1 }).waitFor();
      // Time for the answers to arrive. The log is one answer that never ends, so waiting until the
      // network is idle would never end.
      await page.waitForTimeout(400);
    }
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((url) => new URL(url).origin !== own)).toEqual([]);
    // A shift is the share of the window that moves, times how far it moves as a share of the
    // window. People notice 0.1.
    expect(await page.evaluate(shiftsOfThePage)).toBeLessThan(0.05);
  });
});

/** A script that returns the sum of all layout shifts that were not caused by input. */
const shiftsOfThePage = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value } of list.getEntries()) if (!hadRecentInput) sum += value;
  }).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(sum), 300);
})`;
