/** The activity view for `npm start` (its log, its store and its key) in a real browser. */
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openSecret, shows, useConsole, visit } from '../support/console.ts';
import type { ConsoleVault } from '../support/console-process.ts';
import { freshFolder } from '../support/local-process.ts';
import { useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

describe('the activity in the console', () => {
  it('shows new lines of the log, those of one secret or one request, and the story of a request', async () => {
    const name = await vault.create();
    // This browser cannot iterate over a stream with `for await`, as Safari cannot.
    const { page } = await console.open({}, async (context) => {
      await context.addInitScript('delete ReadableStream.prototype[Symbol.asyncIterator]');
    });
    await visit(page, 'Activity');
    const rows = page.locator('tbody tr');
    await rows.filter({ hasText: name }).filter({ hasText: 'ok, created' }).waitFor();
    await page.getByLabel('Secret').fill(name);
    await page.getByLabel('Outcome, decision or code').fill('version_written');
    await shows(page, 'No line of the log matches.');
    const updated = await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'w' });
    // The log has one line for the request and one for its decision, and the view shows both as one
    // row.
    await rows.filter({ hasText: 'ok, version_written' }).waitFor();
    expect(await rows.count()).toBe(1);

    const id = updated.headers.get('x-request-id') ?? '';
    await page.getByLabel('Outcome, decision or code').fill('');
    const created = rows.filter({ hasText: 'create-secret' });
    await created.waitFor();
    await page.getByLabel('Request id').fill(id.slice(0, 13).toUpperCase());
    await created.waitFor({ state: 'detached' });
    await rows.filter({ hasText: 'ok, version_written' }).waitFor();
    expect(await rows.count()).toBe(1);

    await rows.first().getByRole('link').click();
    await shows(page, `asked for update-secret on ${name}, and the vault did it (200).`);
    expect(await rows.allTextContents()).toEqual([expect.stringMatching(/ok, version_written/)]);
    await shows(page, id);

    // The log has a destruction twice: when it happens, and in the line of its request. The view
    // shows one row.
    const token = vault.token({ scope: 'secrets:destroy' });
    await vault.call('DELETE', `/v1/secrets/${name}/versions/1`, { token });
    await page.getByRole('link', { name: 'All activity' }).click();
    await page.getByLabel('Outcome, decision or code').fill('destroyed');
    await rows.filter({ hasText: 'ok, destroyed' }).waitFor();
    expect(await rows.count()).toBe(1);
  });

  it("shows who has read which version of a secret, also through a file, when opened from the secret's view", async () => {
    const name = await vault.create();
    const longer = `rails.${name}`;
    await vault.ask('POST', '/v1/secrets', { name: longer, value: 'v' });
    await vault.ask('GET', `/v1/secrets/${name}`);
    await vault.ask('GET', `/v1/secrets/${longer}`);
    const others = await Promise.all([vault.create(), vault.create(), vault.create()]);
    const content = [...others, name].map((one, at) => `K${at}=secret(${one})\n`).join('');
    await vault.ask('POST', '/v1/env/expand', { content });
    const page = await openSecret(console, name);
    await page.getByRole('link', { name: 'Who read this?' }).click();
    await page.getByRole('heading', { name: `Who read ${name}?`, level: 1 }).waitFor();
    expect(await page.getByLabel('Secret', { exact: true }).count()).toBe(0);
    const readers = page.getByRole('table', { name: `Who has read which version of ${name}` });
    await readers.getByRole('columnheader', { name: 'Last read' }).waitFor();
    const [reader = ''] = await readers.locator('tbody tr').allTextContents();
    expect(reader).toMatch(/ \/ alice.*1.*1$/);
    const rows = page
      .getByRole('table', { name: 'Requests, the newest first' })
      .locator('tbody tr');
    for (const operation of ['get-secret', 'expand-env']) {
      await rows
        .filter({ hasText: operation })
        .filter({ hasText: `${name}@1` })
        .waitFor();
    }
    const shown = await rows.allTextContents();
    for (const row of shown) expect(row).toContain(name);
    expect(shown.join()).not.toContain(longer);
    // Only three names of a request are shown, and the one that the view is about comes first.
    expect(shown.join()).toMatch(new RegExp(`expand-env${name}@1 .* and 1 more`));
    // The console itself listed the versions, but that shows nobody a value.
    expect(shown.join()).not.toContain('list-versions');
    await page.getByLabel(/Hide lists/).uncheck();
    await rows.filter({ hasText: 'list-versions' }).first().waitFor();
  });

  it('shows rows as cards in a window of 390 px, and names each part of a card', async () => {
    await vault.create();
    const { page } = await console.open({ viewport: { width: 390, height: 800 } });
    await visit(page, 'Activity');
    const card = page.locator('table.cards tbody tr').first();
    await card.waitFor();
    const parts = await page.evaluate<string[]>(
      `[...document.querySelectorAll('tr:first-child td')].map((cell) => getComputedStyle(cell, '::before').content)`,
    );
    expect(parts.join()).toMatch(/Operation.*Secret.*Caller.*Outcome.*ms.*Request/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });

  it('says which log cannot be read, and why', async () => {
    const log = join(vault.dataDir, 'log');
    renameSync(log, `${log}.kept`);
    mkdirSync(log);
    const { page } = await console.open();
    await visit(page, 'Activity');
    await shows(page.getByRole('alert'), `The log ${log} cannot be read (EISDIR).`);
    rmdirSync(log);
    renameSync(`${log}.kept`, log);
  });

  it('ends the request for the log when a person leaves the view', async () => {
    const { page } = await console.open();
    const left = page.waitForEvent('requestfailed', (request) =>
      request.url().endsWith('/activity'),
    );
    await visit(page, 'Activity');
    await page.locator('tbody tr').first().waitFor();
    await visit(page, 'Secrets');
    await left;
  });
});

describe('a vault that was not started from this checkout, in the console', () => {
  // The console looks for this machine's vaults in a different folder, and finds none.
  const elsewhere: ConsoleVault = {
    baseUrl: () => vault.baseUrl(),
    token: (claims) => vault.token(claims),
    dataDir: freshFolder(),
  };
  const distant = useConsole(elsewhere, { scope: 'secrets:read vault:status' });

  it('shows its secrets and its state, and says where its log is', async () => {
    const name = await vault.create();
    const { page } = await distant.open();
    await page.getByRole('link', { name, exact: true }).waitFor();
    await visit(page, 'Nodes');
    await shows(page, /^The vault works: its store answers/);
    await shows(page, 'can be used');
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0);
    await visit(page, 'Activity');
    await shows(page, 'it is in CloudWatch Logs, in one log group per operation');
    expect(await page.getByRole('main').getByRole('searchbox').count()).toBe(0);
    await visit(page, 'Secrets');
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('link', { name: 'Who read this?' }).click();
    await shows(page, `dsvault log holders ${name} --aws vault`, { exact: true });
  });
});

describe('the console with a token that lacks vault:status', () => {
  const limited = useConsole(vault, { scope: 'secrets:read' });

  it('names the missing scope in the view of the nodes', async () => {
    const { page } = await limited.open();
    await visit(page, 'Nodes');
    await shows(page, 'Your token lacks vault:status.');
  });
});
