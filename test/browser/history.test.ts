/** The history of a secret in a real browser: its timeline, an instant of it, and two of its versions. */
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openSecret, press, shows, useConsole } from '../support/console.ts';
import { freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

/** A secret with these values, one after the other, and its view. */
const openWith = async (...values: readonly string[]): Promise<{ name: string; page: Page }> => {
  const name = await vault.create(values[0]);
  for (const value of values.slice(1)) await vault.ask('PUT', `/v1/secrets/${name}`, { value });
  return { name, page: await openSecret(console, name) };
};

describe('the timeline of a secret', () => {
  it('draws all versions, or those in a part of its life, and says if that part has none', async () => {
    const { page } = await openWith('1', '2', '3');
    const bars = page.locator('.timeline .bar');
    expect(await bars.count()).toBe(3);
    for (const bar of await bars.all()) {
      expect(Number(await bar.getAttribute('width'))).toBeGreaterThanOrEqual(4 - 1e-6);
    }
    await page.getByRole('radio', { name: 'Last hour' }).check();
    expect(await bars.count()).toBe(3);
    await page.getByRole('radio', { name: 'Between two dates' }).check();
    await page.getByLabel('From', { exact: true }).first().fill('2001-01-01T00:00:00.000');
    await page.getByLabel('To', { exact: true }).first().fill('2001-01-02T00:00:00.000');
    await shows(page, 'The secret has no versions between these dates.');
  });
});

describe('the view of a secret at an instant', () => {
  it('names the version that was valid then, shows its value, and shows a command that reads the same', async () => {
    const { name, page } = await openWith('first value', 'second value', 'third value');
    const buttons = async () =>
      (await page.getByRole('button', { name: /^(Earlier version|Later version|Now)$/ }).all())
        .length;
    // A button that could do nothing is not there.
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

  it('follows the keys of the slider, whose text names the instant and its version', async () => {
    const { page } = await openWith('1', '2', '3');
    const slider = page.getByRole('slider', { name: 'As of' });
    expect(await slider.getAttribute('aria-valuetext')).toBe('now');
    await slider.press('Home');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/, version 1$/);
    await shows(page.locator('.as-of'), 'version 1', { exact: true });
    await slider.press('End');
    expect(await slider.getAttribute('aria-valuetext')).toBe('now');
  });

  it('follows a field to the millisecond', async () => {
    const { name, page } = await openWith('1', '2');
    const versions = (await vault.ask('GET', `/v1/secrets/${name}/versions`)).json.versions ?? [];
    const begin = Date.parse(versions[0]?.validFrom ?? '');
    const field = page
      .getByLabel('As of', { exact: true })
      .and(page.locator('[type="datetime-local"]'));
    const choose = (instant: number) => field.fill(localText(instant));
    const panel = page.locator('.as-of');
    await choose(begin - 1);
    await shows(panel, 'version 1', { exact: true });
    await field.fill('');
    await shows(panel, 'version 1', { exact: true });
    await choose(begin);
    await shows(panel, 'version 2', { exact: true });
    await choose(begin - 60_000);
    await shows(panel, 'the secret did not exist yet.');
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

/** Local time, as the field wants it. The browser has the time zone of this process. */
const localText = (instant: number): string => {
  const offsetMs = new Date(instant).getTimezoneOffset() * 60_000;
  return new Date(instant - offsetMs).toISOString().slice(0, -1);
};

describe('two versions of a secret', () => {
  it('differ without showing their values, until a person asks for the lines', async () => {
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
  it('says what the token may do, and what another caller may do', async () => {
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
    expect(await page.getByRole('row').count()).toBe(106);
    // The button is gone, so the heading has the focus.
    await page.locator('h1:focus').waitFor();
  });
});
