/** How a session begins and ends, in a real browser. */
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Request } from 'playwright-core';
import { followLauncher, useConsole, visit } from '../support/console.ts';
import { useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

describe('a session of the console', () => {
  it('shows neither its code nor its token in an address, a cookie or a storage', async () => {
    const { page, context } = await console.open();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    const tokenOf = (request: Request) => request.headers()['x-console-session'];
    const asked = page.waitForRequest((request) => tokenOf(request) !== undefined);
    const name = await vault.create();
    await visit(page, 'Secrets');
    await page.goto(`${page.url().replace(/#.*/, '')}#/secrets/${name}`);
    await page.getByRole('heading', { name }).waitFor();
    const code = console.process().code();
    const token = tokenOf(await asked) ?? '';
    expect([code, token]).toEqual([1, 2].map(() => expect.stringMatching(/^[\w-]{43}$/)));
    const cdp = await context.newCDPSession(page);
    const { entries } = await cdp.send('Page.getNavigationHistory');
    expect(entries.at(-1)?.url).toBe(`${console.process().url}/#/secrets/${name}`);
    // Chromium also keeps the address that a page was first asked for. Its code is used up.
    const seen = [
      ...requests,
      ...entries.flatMap(({ url, title }) => [url, title]),
      await page.content(),
      console.process().output(),
    ];
    const seenWith = (text: string) => seen.filter((one) => one.includes(text));
    expect(seenWith(name)).not.toEqual([]);
    expect([token, code].flatMap(seenWith)).toEqual([]);
    expect(await context.cookies()).toEqual([]);
    expect(await context.storageState({ indexedDB: true })).toEqual({ cookies: [], origins: [] });
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('ends with a reload, and the page says how to go on', async () => {
    const { page } = await console.open();
    await page.reload();
    await page.getByRole('heading', { name: 'This page has no session' }).waitFor();
    expect(await page.getByRole('main').textContent()).toContain(
      'Press Enter where dsvault console',
    );
    await console.process().newCode();
    await followLauncher(page, console.process());
  });

  it('stays closed when the launcher file is opened again, because its code is used up', async () => {
    const { context } = await console.open();
    const second = await context.newPage();
    await second.goto(pathToFileURL(console.process().launcher).href);
    await second.getByRole('heading', { name: 'This page has no session' }).waitFor();
    expect(second.url()).toBe(`${console.process().url}/#/`);
  });

  it('says that the console has ended once nobody answers', async () => {
    const { page, context, complaints } = await console.open();
    await context.route('**/actions/**', (route) => route.abort('connectionrefused'));
    await page.getByRole('link', { name: '.env' }).click();
    await visit(page, 'Secrets');
    await page
      .getByRole('alert')
      .filter({ hasText: 'Start it again with dsvault console' })
      .waitFor();
    expect(complaints).not.toEqual([]);
    complaints.length = 0;
  });
});
