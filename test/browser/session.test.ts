/** How a session of the console begins and ends, in a real browser. */
import type { RequestListener } from 'node:http';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Request } from 'playwright-core';
import { followLauncher, press, shows, useConsole, visit } from '../support/console.ts';
import { passOf } from '../support/console-session.ts';
import { serveWhile } from '../support/page-server.ts';
import { useVault } from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const vault = useVault();
const console = useConsole(vault);

describe('a session of the console', () => {
  it('shows neither its code nor its id in an address, a cookie or a storage', async () => {
    const { page, context } = await console.open();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    const idOf = (request: Request) => request.headers()['x-console-session'];
    const asked = page.waitForRequest((request) => idOf(request) !== undefined);
    const name = await vault.create();
    await visit(page, 'Secrets');
    await page.goto(`${page.url().replace(/#.*/, '')}#/secrets/${name}`);
    await page.getByRole('heading', { name }).waitFor();
    const code = passOf(console.process().code());
    const hidden = [idOf(await asked) ?? '', code.id, code.secret];
    expect(hidden).toEqual(hidden.map(() => expect.stringMatching(/^[\w-]{43}$/)));
    const cdp = await context.newCDPSession(page);
    const { entries } = await cdp.send('Page.getNavigationHistory');
    expect(entries.at(-1)?.url).toBe(`${console.process().url}/#/secrets/${name}`);
    // Chromium also keeps the address with which the page was first opened, but the code in it is
    // used up.
    const seen = [
      ...requests,
      ...entries.flatMap(({ url, title }) => [url, title]),
      await page.content(),
      console.process().output(),
    ];
    const seenWith = (text: string) => seen.filter((one) => one.includes(text));
    expect(seenWith(name)).not.toEqual([]);
    expect(hidden.flatMap(seenWith)).toEqual([]);
    expect(await context.cookies()).toEqual([]);
    expect(await context.storageState({ indexedDB: true })).toEqual({ cookies: [], origins: [] });
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('ends with a reload, and the page says how to continue', async () => {
    const { page } = await console.open();
    await page.reload();
    await page.getByRole('heading', { name: 'This page has no session' }).waitFor();
    expect(await page.getByRole('main').textContent()).toContain(
      'Press Enter in the terminal where dsvault console',
    );
    await console.process().newCode();
    await followLauncher(page, console.process());
  });

  it('is not begun again when the launcher file is opened a second time, because the code in it is used up', async () => {
    const { context } = await console.open();
    const second = await context.newPage();
    await second.goto(pathToFileURL(console.process().launcher).href);
    await second.getByRole('heading', { name: 'This page has no session' }).waitFor();
    expect(second.url()).toBe(`${console.process().url}/#/`);
  });

  it('says that the console has ended when nothing answers any more', async () => {
    const { page, context, complaints } = await console.open();
    await context.route('**/actions/**', (route) => route.abort('connectionrefused'));
    await page.getByRole('link', { name: 'Nodes' }).click();
    await visit(page, 'Secrets');
    await page
      .getByRole('alert')
      .filter({ hasText: 'Start it again with dsvault console' })
      .waitFor();
    expect(complaints).not.toEqual([]);
    complaints.length = 0;
  });
});

describe('a tab that outlives its console', () => {
  const outlived = useConsole(vault);

  it('sends no typed value to another program on that port, ignores its answers, and says that the console is gone', async () => {
    const { page, complaints } = await outlived.open();
    const { page: activity, complaints: more } = await outlived.open();
    await visit(activity, 'Activity');
    await activity.locator('tbody tr').first().waitFor();
    await press(page, 'New secret');
    await page.getByLabel('Name', { exact: true }).fill('TYPED');
    await page.getByLabel('Value', { exact: true }).fill('hunter2-hunter2');
    const port = Number(new URL(outlived.process().url).port);
    await outlived.process().end('SIGKILL');
    const received: string[] = [];
    /** Imitates a console as well as anybody can who does not have the session's secret. */
    const impostor: RequestListener = (request, response) => {
      received.push([request.url, ...request.rawHeaders].join());
      request.on('data', (bytes: Buffer) => received.push(bytes.toString('latin1')));
      request.on('end', () => {
        const answer = JSON.stringify({ name: 'TYPED', version: 1, lines: [] });
        response.end(`${answer}\n${Buffer.from(answer).toString('base64')}\n`);
      });
    };
    const gone = /^The console that opened this page is gone/;
    await serveWhile(
      impostor,
      async () => {
        await press(page, 'Create');
        await shows(page.getByRole('dialog').getByRole('alert'), gone);
        expect(received.join()).toContain('/actions/create-secret');
        // The tab must send nothing more to this program.
        const count = received.length;
        await press(page, 'Create');
        await shows(page.getByRole('dialog').getByRole('alert'), gone);
        expect(received).toHaveLength(count);
        await activity.getByLabel('Secret').fill('hunter2-hunter2');
        await shows(activity.getByRole('alert'), gone);
        await until(() => received.join().includes('/actions/activity'));
      },
      { host: '127.0.0.1', port },
    );
    expect(await page.getByText(/^Created/).count()).toBe(0);
    for (const one of received) {
      expect(one).not.toMatch(/hunter2|TYPED/);
      expect(Buffer.from(one, 'base64').toString('latin1')).not.toMatch(/hunter2|TYPED/);
    }
    for (const expected of [complaints, more]) expected.length = 0;
  });
});
