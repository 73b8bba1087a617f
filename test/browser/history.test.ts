/**
 * A secret's history in a real browser: its timeline, the secret at an instant, and a comparison of
 * two versions.
 */
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openSecret, press, shows, useConsole } from '../support/console.ts';
import { freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

/** Creates a secret with these values as its versions, and opens its view. */
const openWith = async (...values: readonly string[]): Promise<{ name: string; page: Page }> => {
  const name = await vault.create(values[0]);
  for (const value of values.slice(1)) await vault.ask('PUT', `/v1/secrets/${name}`, { value });
  return { name, page: await openSecret(console, name) };
};

describe('the view of a secret', () => {
  it('starts with the value and the versions, and shows the newest ten versions until a person asks for all', async () => {
    const { page } = await openWith(...Array.from({ length: 12 }, (_, index) => `${index + 1}`));
    const tops: number[] = [];
    for (const part of [
      page.getByRole('button', { name: 'Show the current value' }),
      page.getByRole('table', { name: /^Versions of/ }),
      page.getByRole('slider', { name: 'As of' }),
    ]) {
      tops.push((await part.boundingBox())?.y ?? Number.NaN);
    }
    expect(tops).toEqual(tops.toSorted((a, b) => a - b));
    const rows = page.getByRole('table').getByRole('row');
    expect(await rows.count()).toBe(1 + 10);
    await press(page, 'Show all 12 versions');
    expect(await rows.count()).toBe(1 + 12);
  });
});

describe('the timeline of a secret', () => {
  it('draws all versions, or those of a chosen period, and says if the period has none', async () => {
    const { page } = await openWith('1', '2', '3');
    const bars = page.locator('.timeline .bar');
    expect(await bars.count()).toBe(3);
    for (const bar of await bars.all()) {
      expect(Number(await bar.getAttribute('width'))).toBeGreaterThanOrEqual(4 - 1e-6);
    }
    await page.getByRole('radio', { name: 'Last hour' }).check();
    expect(await bars.count()).toBe(3);
    await page.getByRole('radio', { name: 'Between two dates' }).check();
    await page.getByLabel('From', { exact: true }).first().fill('2001-01-01');
    await page.getByLabel('To', { exact: true }).first().fill('2001-01-02');
    await page.keyboard.press('Enter');
    await shows(page, 'The secret has no versions between these dates.');
  });
});

describe('the view of a secret at an instant', () => {
  it('names the version that was valid then, shows its value, and shows a command that reads the same', async () => {
    const { name, page } = await openWith('first value', 'second value', 'third value');
    const buttons = async () =>
      (await page.getByRole('button', { name: /^(Earlier version|Later version|Now)$/ }).all())
        .length;
    // Buttons that would do nothing are not shown.
    expect(await buttons()).toBe(1);
    await press(page, 'Earlier version');
    await shows(page, 'version 2', { exact: true });
    expect(await buttons()).toBe(3);
    await press(page, 'Earlier version');
    const panel = page.locator('.as-of');
    await shows(panel, 'version 1', { exact: true });
    expect(await buttons()).toBe(2);
    await page.locator('h1:focus').waitFor();
    await press(page, 'Show the value at that instant');
    await shows(panel, 'first value');
    const command =
      (await panel
        .getByText(/^dsvault get/)
        .first()
        .textContent()) ?? '';
    const [, ...args] = command.split(' ');
    expect(args.slice(0, 3)).toEqual(['get', name, '--at']);
    expect((await console.process().dsvault.run(args)).stdout).toBe('first value');
    await press(page, 'Now');
    await shows(panel, 'version 3', { exact: true });
  });

  it('follows the slider when it is moved with keys, and the slider names the instant and its version', async () => {
    const { page } = await openWith('1', '2', '3');
    const slider = page.getByRole('slider', { name: 'As of' });
    expect(await slider.getAttribute('aria-valuetext')).toBe('now');
    await slider.press('Home');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/, version 1$/);
    await shows(page.locator('.as-of'), 'version 1', { exact: true });
    await slider.press('End');
    expect(await slider.getAttribute('aria-valuetext')).toBe('now');
  });

  it('follows the field "As of", and says how to type an instant if it cannot read what was typed', async () => {
    const { name, page } = await openWith('1', '2');
    const versions = (await vault.ask('GET', `/v1/secrets/${name}/versions`)).json.versions ?? [];
    const begin = Date.parse(versions[0]?.validFrom ?? '');
    const field = page.getByRole('textbox', { name: 'As of', exact: true });
    const type = async (text: string) => {
      await field.fill(text);
      await field.press('Enter');
    };
    const panel = page.locator('.as-of');
    await type(localText(begin - 1));
    await shows(panel, 'version 1', { exact: true });
    await shows(panel, `At ${localText(begin - 1)}:`);
    await type(versions[0]?.validFrom ?? '');
    await shows(panel, 'version 2', { exact: true });
    expect(await field.inputValue()).toBe(localText(begin));
    const fault = () =>
      field.evaluate((element) => (element as { validationMessage?: string }).validationMessage);
    await type('yesterday');
    expect(await fault()).toBe('Type a date and time such as 2026-11-24 15:30:00.');
    await shows(panel, 'version 2', { exact: true });
    await type(localText(begin - 60_000));
    await shows(panel, 'the secret did not exist yet.');
    expect(await fault()).toBe('');
    await type('');
    await shows(panel, 'Now: ');
  });

  it('says that there was no value while the secret was deleted', async () => {
    const name = await vault.create('1');
    await vault.ask('DELETE', `/v1/secrets/${name}`);
    await vault.ask('POST', '/v1/secrets', { name, value: '3' });
    const page = await openSecret(console, name);
    await press(page, 'Earlier version');
    await shows(page.locator('.as-of'), /a deletion: there was no value/);
    expect(await page.getByRole('button', { name: 'Show the value at that instant' }).count()).toBe(
      0,
    );
  });
});

/**
 * Returns an instant in local time, as the page shows it. The browser uses the time zone of this
 * process.
 */
const localText = (instant: number): string => {
  const offsetMs = new Date(instant).getTimezoneOffset() * 60_000;
  return new Date(instant - offsetMs).toISOString().slice(0, -1).replace('T', ' ');
};

describe('two versions of a secret', () => {
  it('are compared without showing their values, until a person asks for the lines', async () => {
    const { page } = await openWith('host\nold canary', 'host\nnew canary');
    await press(page, 'Compare');
    await shows(page, 'Versions 1 and 2 differ: 1 line removed, 1 line added.');
    expect(await page.content()).not.toContain('canary');
    await press(page, 'Show the lines');
    await shows(page.getByRole('deletion'), 'old canary');
    await shows(page.getByRole('insertion'), 'new canary');
    await page.evaluate('dispatchEvent(new Event("blur"))');
    await page.getByRole('deletion').waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain('canary');
    await press(page, 'Show the lines');
    await page.getByRole('deletion').waitFor();
    await page.getByRole('combobox', { name: 'To' }).selectOption('1');
    expect(await page.content()).not.toContain('canary');
    await press(page, 'Compare');
    await shows(page, 'Versions 1 and 1 have the same value.');
  });
});

describe('the explanation of a secret', () => {
  it('says what the token may do, and what a caller with other scopes and names may do', async () => {
    const { page } = await openWith('1');
    await press(page, 'What may I do?');
    await page.getByRole('row', { name: /^update ✓ yes/ }).waitFor();
    await page.getByText('As another caller').click();
    await page.getByRole('checkbox', { name: 'secrets:write' }).uncheck();
    await page.getByLabel(/^Names/).fill('app.*, NAME_*');
    await press(page, 'What may this caller do?');
    await page
      .getByRole('row', { name: 'update ✗ no the scope secrets:write is missing' })
      .waitFor();
    await page.getByRole('row', { name: 'read ✓ yes the pattern NAME_* covers it' }).waitFor();
  });
});

describe('a secret with more than a hundred versions', () => {
  it('shows the newest hundred first, marks what is not loaded, and loads the rest unless cancelled', async () => {
    const name = await vault.create('v', freshName('MANY'));
    for (let version = 2; version <= 105; version += 1) {
      await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'v' });
    }
    const page = await openSecret(console, name);
    await shows(page, '100 of 105 versions are loaded.');
    await shows(page, 'not loaded', { exact: true });
    const slider = page.getByRole('slider', { name: 'As of' });
    await slider.press('Home');
    await shows(page.locator('.as-of'), /a version that is not loaded here/);
    await page.route('**/actions/list-versions', () => undefined);
    await press(page, 'Load all');
    await press(page, 'Cancel');
    await page.unroute('**/actions/list-versions');
    await press(page, 'Load 100 older');
    await shows(page.locator('.as-of'), 'version 1', { exact: true });
    await press(page, 'Show all 105 versions');
    expect(await page.getByRole('row').count()).toBe(106);
    // The button that had the focus is gone, so the focus moves to the heading.
    await page.locator('h1:focus').waitFor();
  });
});
