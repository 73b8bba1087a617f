/** The workbench turns plain values into secrets, in a real browser. */
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { faultsOf } from '../support/accessible.ts';
import { press, shows, useConsole, visit } from '../support/console.ts';
import { freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

/** Opens the workbench with this text, which must not contain references. */
const openWith = async (text: string): Promise<Page> => {
  const { page } = await console.open();
  await visit(page, '.env');
  await page.getByLabel('The .env file').fill(text);
  await page.getByRole('group', { name: 'Plain values' }).waitFor();
  return page;
};
const box = (page: Page, key: string) =>
  page.getByRole('checkbox', { name: new RegExp(`^${key} `) });
const said = (page: Page, sentence: string) =>
  page.getByRole('status').getByText(sentence, { exact: true }).waitFor();
const secretOf = async (name: string) => (await vault.ask('GET', `/v1/secrets/${name}`)).json.value;

describe('the workbench with a file of plain values', () => {
  it('stores the ticked values, at first those that look like secrets, and says which stay in plain text and why', async () => {
    const [password, token] = [`${freshName()}_PASSWORD`, `${freshName()}_TOKEN`];
    const lines = ['HOST=db', `${password}=canary-canary`, 'VITE_KEY=k', 'A_KEY="x$HOST"'];
    const page = await openWith([...lines, `${token}=canary-token`, ''].join('\n'));
    expect(await page.getByRole('radio', { name: 'Adopt' }).isChecked()).toBe(true);
    expect(await box(page, password).isChecked()).toBe(true);
    expect(await box(page, 'HOST').isChecked()).toBe(false);
    await shows(page, 'stays in plain text, public by its name');
    expect(await box(page, 'A_KEY').isDisabled()).toBe(true);
    await shows(page, /shell may replace what follows a \$.*; put it in single quotes/);
    expect(await faultsOf(page)).toEqual([]);

    await box(page, token).uncheck();
    await page.getByLabel('Prefix').fill('app.');
    await shows(page, `stored as app.${password}`);
    const staying = `These stay in plain text: A_KEY, HOST, VITE_KEY (public by its name), ${token}.`;
    await press(page, 'Dry run');
    await said(page, `It would store 1 secret. ${staying} Nothing was stored: this was a dry run.`);
    expect(await secretOf(`app.${password}`)).toBeUndefined();
    await press(page, 'Adopt');
    await said(page, `Stored 1 secret. ${staying}`);
    expect(await secretOf(`app.${password}`)).toBe('canary-canary');
    expect(await page.locator('ins').allTextContents()).toEqual([
      `${password}=secret(app.${password})`,
    ]);
    expect(await page.locator('del').textContent()).not.toContain('canary');
    await press(page, 'Put it into the editor');
    expect(await page.getByLabel('The .env file').inputValue()).toBe(
      [
        lines[0],
        `${password}=secret(app.${password})`,
        ...lines.slice(2),
        `${token}=canary-token`,
        '',
      ].join('\n'),
    );
  });

  it('stores nothing and shows the line if a secret has another value, and names those that have the same value already', async () => {
    const [same, other] = [`${freshName()}_KEY`, `${freshName()}_KEY`];
    await vault.create('canary-same', same);
    await vault.create('canary-else', other);
    const page = await openWith(`${same}=canary-same\n${other}=canary-other\n`);
    await press(page, 'Adopt');
    await shows(
      page.getByRole('alert'),
      /have different values, .*; nothing was stored\. Untick these values/,
    );
    await shows(page.getByRole('listitem'), `${other}: the secret exists already`);
    expect(await page.getByRole('listitem').count()).toBe(1);
    await page.getByRole('button', { name: 'line 2, column' }).waitFor();
    await box(page, other).uncheck();
    await press(page, 'Adopt');
    await said(
      page,
      `These already had the same values: ${same}. These stay in plain text: ${other}.`,
    );
  });

  it('does nothing when Expand is pressed just before a new text turns it into Adopt', async () => {
    const key = `${freshName()}_KEY`;
    const { page } = await console.open({}, (context) => context.clock.install());
    await visit(page, '.env');
    await page.getByLabel('The .env file').fill('A=1\n');
    await page.getByRole('heading', { name: 'No faults' }).waitFor();
    // The page checks the text only after a pause in typing. The clock is stopped, so that check
    // does not happen.
    await page.clock.pauseAt(Date.now() + 60_000);
    await page.getByLabel('The .env file').fill(`${key}=canary\n`);
    await press(page, 'Expand');
    await page.getByRole('radio', { name: 'Adopt', checked: true }).waitFor();
    expect(await page.getByRole('region', { name: /file$/ }).count()).toBe(0);
    expect(await secretOf(key)).toBeUndefined();
  });

  it('refuses to adopt a file for JSON, and says when a file has no plain values', async () => {
    const page = await openWith('A_KEY=canary\n');
    await page.getByRole('combobox').selectOption('json');
    await page.getByRole('button', { name: 'Expand' }).waitFor();
    await page.getByRole('radio', { name: 'Adopt' }).check();
    await press(page, 'Adopt');
    await said(
      page,
      'Nothing was sent: JSON cannot hold references, so choose the program that reads the file.',
    );
    await page.getByRole('combobox').selectOption('shell');
    await page.getByLabel('The .env file').fill('A_KEY=secret(A)\n');
    await shows(page, 'The file has no plain values.');
    await press(page, 'Adopt');
    await said(page, 'The file stays as it is: it has no value to store.');
  });
});
