/** The workbench for `.env` files in a real browser. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { press, shows, useConsole, visit } from '../support/console.ts';
import { freshName, useVault } from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const vault = useVault();
const console = useConsole(vault);

/** Opens the workbench with this text in the editor. */
const openWith = async (text: string): Promise<Page> => {
  const { page } = await console.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await visit(page, '.env');
  await editorOf(page).fill(text);
  return page;
};
const editorOf = (page: Page) => page.getByLabel('The .env file');
const said = (page: Page, sentence: string) =>
  page.getByRole('status').filter({ hasText: sentence }).waitFor();
/** Returns the lines that a result adds to the submitted file. */
const added = (page: Page) => page.locator('ins').allTextContents();

/**
 * Returns everything the document holds: its text, its attributes and the contents of its fields.
 */
const documentOf = (page: Page): Promise<string> =>
  page.evaluate(`
    const fields = [...document.querySelectorAll('input, textarea')];
    document.documentElement.outerHTML + fields.map(({ value }) => value).join()
  `);

describe('the workbench', () => {
  it('reports nothing for an empty file, offers an example, and shows with a dry run what Encrypt would make of it', async () => {
    const page = await openWith('');
    expect(await page.getByRole('heading', { name: /faults?$/ }).count()).toBe(0);
    const why = 'The editor is empty.';
    for (const name of ['Dry run', 'Expand']) {
      const button = page.getByRole('button', { name, description: why });
      expect(await button.getAttribute('aria-disabled')).toBe('true');
    }
    await press(page, 'Try an example');
    await page.getByRole('heading', { name: 'No faults' }).waitFor();
    await press(page, 'Dry run');
    await said(page, 'It would store 1 secret. Nothing was stored: this was a dry run.');
    const file = page.getByRole('region', { name: 'The file as it would become' });
    await file.waitFor();
    expect(await added(page)).toEqual([
      'EXAMPLE_PASSWORD=secret(EXAMPLE_PASSWORD)',
      'DATABASE_URL="postgres://shop:secret(EXAMPLE_PASSWORD)@db/shop"',
    ]);
    // The names in the example are not buttons that open secrets.
    expect(await file.getByRole('button').count()).toBe(0);
    expect((await vault.ask('GET', '/v1/secrets/EXAMPLE_PASSWORD')).status).toBe(404);
    // The example is not anybody's work, so leaving it needs no confirmation.
    await visit(page, 'Secrets');
    await page.getByRole('heading', { name: 'Secrets', level: 1 }).waitFor();
  });

  it('shows with a dry run that a value is still needed', async () => {
    const name = freshName();
    const page = await openWith(`A=enc(${name})\n`);
    await press(page, 'Dry run');
    await page.getByRole('region', { name: 'The file as it would become' }).waitFor();
    expect(await added(page)).toEqual([`A=secret(${name})`]);
    await page.getByRole('heading', { name: '1 fault' }).waitFor();
  });

  it('shows the errors in a pasted file at their lines and columns', async () => {
    const page = await openWith('');
    await page.evaluate(`navigator.clipboard.writeText('# é\\nA=1\\nB="é" secret\\n')`);
    await editorOf(page).press('Control+V');
    await page.getByRole('heading', { name: '1 fault' }).waitFor();
    await page
      .getByRole('listitem')
      .filter({ hasText: 'only blanks and a comment may follow a quoted value' })
      .getByRole('button', { name: 'line 3, column 7' })
      .click();
    const caret = await editorOf(page).evaluate('document.activeElement.selectionStart');
    expect(caret).toBe('# é\nA=1\nB="é" '.length);
    expect(await page.locator('.marked').textContent()).toBe('secret');
    await press(page, 'Expand');
    await said(page, 'Nothing was sent: the file has faults.');
  });

  it('colours keys, references, comments and errors as the grammar reads them', async () => {
    const page = await openWith('# c\nA=x-secret(X)\nB=enc(Y)\nno sign\nD=Secret(Z)\n');
    await page.locator('.of-malformed.marked').waitFor();
    const tokens = await page.evaluate<[string, string, string][]>(`
      [...document.querySelectorAll('.editor .text span:not(.of-plain)')].map((span) =>
        [span.className, span.textContent.trim(), getComputedStyle(span).color])
    `);
    expect(tokens.map(([kind, text]) => `${kind}: ${text}`)).toEqual([
      ...['of-comment: # c', 'of-key: A', 'of-value: x-', 'of-secret: secret(X)'],
      ...['of-key: B', 'of-enc marked: enc(Y)', 'of-unreadable marked: no', 'of-unreadable: sign'],
      ...['of-key: D', 'of-malformed marked: Secret(', 'of-value marked: Z)'],
    ]);
    const colours = new Map(tokens.map(([kind, , colour]) => [kind.split(' ')[0], colour]));
    colours.delete('of-malformed');
    expect(new Set(colours.values()).size).toBe(6);
  });

  it('shows with a dry run which names exist, and stores nothing', async () => {
    const [known, old] = [await vault.create(), await vault.create()];
    const [fresh, nope] = [freshName(), freshName()];
    const references = [`secret(${known})`, `enc(${fresh})`, `secret(${nope})`, `enc(${old}@next)`];
    const page = await openWith(references.map((each, index) => `K${index}=${each}\n`).join(''));
    await page.getByRole('radio', { name: 'Submit' }).check();
    await press(page, 'Dry run');
    const row = (name: string) => page.getByRole('row').filter({ hasText: name });
    await row(nope).filter({ hasText: 'missing' }).waitFor();
    expect(await row(known).textContent()).toContain('exists');
    expect(await row(fresh).textContent()).toContain('new');
    expect(await row(`enc(${old}@next)`).textContent()).toContain('exists');
    expect(await page.locator('.of-secret.good').textContent()).toBe(`secret(${known})`);
    expect(await page.locator('.of-secret.bad').textContent()).toBe(`secret(${nope})`);
    await page.getByRole('button', { name: 'line 3, column 4' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('not_found');
    expect((await vault.ask('GET', `/v1/secrets/${fresh}`)).status).toBe(404);
    // The vault's answer is valid only for the file that was sent, so it disappears when the text
    // changes.
    await editorOf(page).fill(`A=secret(${known})\n`);
    await page.getByRole('heading', { name: 'No faults' }).waitFor();
    await press(page, 'Dry run');
    await said(page, 'Read 1 secret. Nothing was stored: this was a dry run.');
    expect(await page.getByRole('button', { name: 'Download' }).count()).toBe(0);
  });

  it('encrypts an opened file with the values in it and those that a person types', async () => {
    const [own, asked] = [freshName(), freshName()];
    const page = await openWith('');
    const buffer = Buffer.from(`${own}=canary-canary\r\nA="x-enc(${own})"\r\nB=enc(${asked})\r\n`);
    const file = { name: '.env', mimeType: 'text/plain', buffer };
    await page.getByLabel('Open a file').setInputFiles(file);
    await page.getByLabel(asked, { exact: true }).fill('two\nlines');
    await page.getByLabel('Note').fill('from the console');
    await press(page, 'Encrypt');
    await said(page, 'Stored 2 secrets.');
    expect(await page.getByLabel(asked, { exact: true }).inputValue()).toBe('');
    expect(await added(page)).toEqual([
      `${own}=secret(${own})`,
      `A="x-secret(${own})"`,
      `B=secret(${asked})`,
    ]);
    expect(await page.locator('del').first().textContent()).not.toContain('canary');
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
    expect(readFileSync(await download.path(), 'utf8')).toBe(
      `${own}=secret(${own})\r\nA="x-secret(${own})"\r\nB=secret(${asked})\r\n`,
    );
    // The field is empty again, but the vault has accepted the file with the value, so the page
    // must report no fault. The page checks the file soon after the field was emptied. Timers in a
    // page fire in order, so this one fires after that check.
    await page.evaluate(
      () =>
        new Promise((wake) => {
          setTimeout(wake, 1_000);
        }),
    );
    expect(await page.getByRole('heading', { name: 'No faults' }).count()).toBe(1);
    await press(page, 'Put it into the editor');
    expect(await editorOf(page).inputValue()).toContain(`B=secret(${asked})`);
    expect(await documentOf(page)).not.toMatch(/canary|two\nlines/);
    const { json } = await vault.ask('GET', `/v1/secrets/${asked}`);
    expect(json).toMatchObject({ value: 'two\nlines', note: 'from the console' });
  });

  it('expands for the program that reads the file, and holds the values in the document only while they are shown', async () => {
    const name = await vault.create('it is $5 canary');
    const page = await openWith(`A="u:secret(${name})@h" # c\n`);
    await page.getByLabel('Program that reads the file').selectOption('docker');
    await press(page, 'Expand');
    await said(page, 'Read 1 secret.');
    expect(await added(page)).toEqual(['# c', expect.stringMatching(/^A=u:•+hidden value@h$/)]);
    expect(await documentOf(page)).not.toContain('canary');
    expect(await page.getByRole('button', { name: 'Put it into the editor' }).count()).toBe(0);
    await press(page, 'Show the values');
    await shows(page, 'A=u:it is $5 canary@h');
    await press(page, 'Hide the values');
    expect(await documentOf(page)).not.toContain('canary');
    await press(page, 'Show the values');
    await shows(page, 'canary');
    await page.evaluate('dispatchEvent(new Event("blur"))');
    await page.getByRole('button', { name: 'Show the values' }).waitFor();
    expect(await documentOf(page)).not.toContain('canary');
  });

  it('expands as of an instant, and pins the versions that it has read', async () => {
    const name = await vault.create('the old value');
    const updated = await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'the new value' });
    const page = await openWith(`A=secret(${name})\n`);
    const before = new Date(Date.parse(updated.json.validFrom ?? '') - 1);
    await page.getByLabel('Pin').check();
    await page.getByLabel('As of').fill('yesterday');
    await press(page, 'Expand');
    expect(await page.locator('#lacking').textContent()).toBe('');
    await page.getByLabel('As of').fill(before.toISOString());
    await press(page, 'Expand');
    await said(page, 'Read 1 secret.');
    await shows(page.getByRole('region', { name: 'The pinned file' }), `secret(${name}@1)`);
    await press(page, 'Show the values');
    await shows(page, "A='the old value'");
  });

  it('lets a person give up waiting, and repeats the same action with the same idempotency key', async () => {
    const name = freshName();
    const page = await openWith(`${name}=1\nA=enc(${name})\n`);
    // The vault stores the secret, but the answer does not arrive.
    await page.route('**/actions/encrypt-env', (route) => void route.fetch(), { times: 1 });
    await press(page, 'Encrypt');
    await until(async () => (await vault.ask('GET', `/v1/secrets/${name}`)).status === 200);
    await press(page, 'Cancel');
    await said(page, 'Cancelled, but the vault may have stored the secrets anyway');
    await press(page, 'Encrypt');
    await said(page, 'Stored 1 secret.');
    // The first action is complete, so this is a new one.
    await press(page, 'Encrypt');
    await page.getByRole('alert').filter({ hasText: 'secret_exists' }).waitFor();
    await page.getByRole('row').filter({ hasText: 'exists already' }).waitFor();
    await editorOf(page).fill(`${name}=2\nA=enc(${name}@next)\n`);
    await press(page, 'Encrypt');
    const stored = page.getByRole('row').filter({ hasText: 'stored as version 2' });
    expect(await stored.textContent()).toContain(`enc(${name}@next)`);
  });

  it('opens a dropped file only if no text is lost or the person agrees', async () => {
    const page = await openWith('A=typed\n');
    const drop = (text: string) =>
      page.evaluate(`
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([${JSON.stringify(text)}], '.env'));
        for (const type of ['dragover', 'drop']) {
          const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
          if (document.querySelector('textarea').dispatchEvent(event)) throw new Error('not taken');
        }
      `);
    await drop('A=dropped\r\n');
    await press(page, 'Keep it');
    expect(await editorOf(page).inputValue()).toBe('A=typed\n');
    await drop('A=dropped\r\nB=secret(X)\r\n');
    await press(page, 'Replace it');
    expect(await editorOf(page).inputValue()).toBe('A=dropped\nB=secret(X)\n');
    await page
      .getByRole('listitem')
      .filter({ hasText: 'a carriage return is in the way' })
      .waitFor();
    await press(page, 'Change the line endings from CRLF to LF');
    await page.getByRole('heading', { name: 'No faults' }).waitFor();
    await drop('A=1\r\nB=2\n');
    await said(page, 'The file mixes line endings.');
    expect(await editorOf(page).inputValue()).toBe('A=1\nB=2\n');
  });

  it('asks before a link or closing the page discards the text, and keeps none of it after "Leave"', async () => {
    const page = await openWith('A=canary\n');
    const secrets = page.getByRole('link', { name: 'Secrets' });
    await secrets.click();
    await press(page, 'Stay');
    expect(await editorOf(page).inputValue()).toBe('A=canary\n');
    expect(new URL(page.url()).hash).toBe('#/env');
    const asked = page.waitForEvent('dialog');
    await page.close({ runBeforeUnload: true });
    await (await asked).dismiss();
    await secrets.click();
    await press(page, 'Leave');
    await page.getByRole('heading', { name: 'Secrets' }).waitFor();
    await visit(page, '.env');
    expect(await editorOf(page).inputValue()).toBe('');
    expect(await documentOf(page)).not.toContain('canary');
  });
});
