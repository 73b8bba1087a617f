/**
 * The console in a real browser while the vault is away, has no usable key, or is at a different
 * address.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openSecret, press, shows, useConsole, visit } from '../support/console.ts';
import type { ConsoleVault } from '../support/console-process.ts';
import { type FaultyFront, startFaultyFront } from '../support/faulty-front.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { runLocal } from '../support/local-process.ts';
import { useVault } from '../support/running-vault.ts';

const vault = useVault();
let front: FaultyFront;
beforeAll(async () => {
  front = await startFaultyFront(vault.baseUrl);
});
afterAll(() => front.close());

describe('the console of a vault that is away for a while', () => {
  const fronted: ConsoleVault = {
    baseUrl: () => front.url,
    token: (claims) => vault.token(claims),
    get dataDir() {
      return vault.dataDir;
    },
  };
  const console = useConsole(fronted, {}, ['--retries', '0']);

  it('names the vault that does not answer, offers to try again, and continues after an answer', async () => {
    const name = await vault.create();
    const { page } = await console.open();
    await visit(page, 'Nodes');
    await shows(page, /^The vault works/);
    // The first attempt to send the request gets no answer, and the connection of the next one, to
    // the vault in the profile, is dropped.
    front.plan('hang', 'drop');
    await page.evaluate(`location.hash = '#/secrets/${name}'`);
    await shows(page, `No answer from the vault at ${front.url}…`);
    // This event is what the page sends itself when another of its requests is answered meanwhile.
    const shown = await page.evaluate<string>(`(async () => {
      dispatchEvent(new CustomEvent('silence', { detail: undefined }));
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      return document.body.textContent;
    })()`);
    expect(shown).not.toContain('from null');
    const alert = page.getByRole('alert').filter({ hasText: 'unreachable' });
    await alert.waitFor();
    expect(await page.getByText('No answer from').count()).toBe(0);
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Through time' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('offers "Try again" if the vault did not say who the caller is, but not if a secret is missing', async () => {
    front.plan('pass', 'drop', 'drop', 'drop', 'drop');
    const { page } = await console.open();
    const again = page.getByRole('button', { name: 'Try again' }).first();
    await again.waitFor();
    front.plan();
    await again.click();
    await shows(page, '/ alice');
    await page.evaluate(`location.hash = '#/secrets/ABSENT'`);
    await shows(page, 'There is no secret with this name');
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });
});

describe('the console of a vault that is stopped', () => {
  const env: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    env['PORT'] = String((await findFreePorts(1))[0]);
  });
  const stopped = useVault(undefined, env);
  const console = useConsole(stopped, {}, ['--retries', '0']);

  it('says on the nodes page that it is stopped and how to start it, until it runs again', async () => {
    const { page } = await console.open();
    await stopped.kill9();
    await visit(page, 'Nodes');
    const { baseUrl, restart } = stopped;
    await shows(page, `The vault at ${baseUrl()} does not answer: it is stopped`);
    await shows(page, 'npm start', { exact: true });
    expect(await page.getByRole('main').textContent()).not.toContain('npm run cluster');
    await restart();
    await shows(page, /^The vault works/);
    expect(await page.getByText('npm start', { exact: true }).count()).toBe(0);
  });
});

describe('the console of a vault', () => {
  const console = useConsole(vault, {}, ['--retries', '0']);

  it.each(['nonsense', 'secrets/A/B', 'env', 'activity/short', 'activity/by/A', '%'])(
    'says that it has nothing at the address #/%s',
    async (address) => {
      const { page } = await console.open();
      await page.getByRole('heading', { name: 'Secrets', level: 1 }).waitFor();
      await page.evaluate(`location.hash = '#/${address}'`);
      await page.getByRole('heading', { name: 'No such view' }).waitFor();
      await page.getByRole('main').getByRole('link', { name: 'list of secrets' }).click();
      await page.getByRole('heading', { name: 'Secrets', level: 1 }).waitFor();
    },
  );

  it('names the profile and the address of the vault above each view', async () => {
    const { page } = await console.open();
    // The first view after loading does not focus its heading, so wait for it differently.
    await page.getByRole('heading', { name: 'Secrets', level: 1 }).waitFor();
    for (const view of ['Nodes', 'Activity', 'Secrets']) {
      await visit(page, view);
      await page.locator('h1:focus').waitFor();
      await shows(page.getByRole('banner'), `default ${vault.baseUrl()}`, { exact: true });
    }
  });

  it('shows all times in one time zone, and names it', async () => {
    const name = await vault.create();
    const { json } = await vault.ask('GET', `/v1/secrets/${name}`);
    const { page } = await console.open({ locale: 'en-US', timezoneId: 'Asia/Tokyo' });
    await shows(page, 'times in Asia/Tokyo');
    const at = new Date(json.validFrom ?? '');
    // Tokyo is nine hours ahead of UTC all year. The page shows the hours 0 to 23.
    const clock = new Date(at.getTime() + 32_400_000).toISOString().slice(11, 19);
    await page.getByRole('row').filter({ hasText: name }).getByText(clock).waitFor();
    await page.getByRole('link', { name, exact: true }).click();
    await shows(page.getByRole('row', { name: /^1 stored/ }), clock);
    await page.getByRole('link', { name: 'Who read this?' }).click();
    const created = page.getByRole('row').filter({ hasText: 'create-secret' });
    const [, shown = ''] =
      /(\d\d:\d\d):\d\d\.\d{3}/.exec((await created.textContent()) ?? '') ?? [];
    expect(clock.startsWith(shown)).toBe(true);
  });

  it('says with the same sentence in every place that the master key cannot be used', async () => {
    const keyGone = 'The master key cannot be used, so values can be neither read nor written.';
    const page = await openSecret(console, await vault.create());
    const key = (to: string) => runLocal('key', [to], { VAULT_DATA_DIR: vault.dataDir }).exit;
    await key('disable');
    try {
      await press(page, 'Show the current value');
      await shows(page.getByRole('alert'), keyGone, { exact: true });
      await press(page, 'Update');
      await page.getByRole('dialog').getByLabel('Value').fill('v');
      await press(page, 'Store');
      await shows(page.getByRole('dialog').getByRole('alert'), keyGone);
      await press(page, 'Cancel');
      await visit(page, 'Nodes');
      await shows(page.getByRole('main').getByRole('status'), keyGone, { exact: true });
    } finally {
      await key('enable');
    }
  });
});
