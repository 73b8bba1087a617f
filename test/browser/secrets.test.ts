/** The list of secrets and the actions on a secret, in a real browser. */
import { describe, expect, it } from '@jest/globals';
import type { Locator, Page, Route } from 'playwright-core';
import { openSecret, press, shows, useConsole, visit } from '../support/console.ts';
import { freshName, useVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const vault = useVault();
const everything = 'secrets:read secrets:write secrets:delete secrets:destroy secrets:explain';
const console = useConsole(vault, { scope: everything });

const inDialog = (page: Page) => page.getByRole('dialog');
const fill = (page: Page, label: string | RegExp, text: string) =>
  inDialog(page).getByLabel(label).fill(text);
const submit = (page: Page) => inDialog(page).locator('[type=submit]').click();
/** Updates the secret whose view is open. */
const update = async (page: Page, value: string): Promise<void> => {
  await press(page, 'Update');
  await fill(page, 'Value', value);
  await submit(page);
};
const told = (page: Page, sentence: string) =>
  page.locator('.told', { hasText: sentence }).waitFor();
const versionsOf = async (name: string) =>
  (await vault.ask('GET', `/v1/secrets/${name}/versions?include=values`)).json.versions ?? [];

/** Returns the names in the list, in order. */
const listed = (page: Page): Promise<string[]> =>
  page
    .getByRole('rowheader')
    .getByRole('link')
    .evaluateAll((links) => links.map((link) => (link as { ariaLabel?: string }).ariaLabel ?? ''));

/** Waits until the list has this many names, and returns them. */
const untilListed = (page: Page, count: number): Promise<string[]> =>
  untilSeen(
    () => listed(page),
    (names) => names.length === count,
  );

/** Waits until the element has the focus, which it gets shortly after the view appears. */
const focused = (page: Page, element: Locator) => element.and(page.locator(':focus')).waitFor();

/** From now on, the vault performs the action but its answer does not reach the page. */
const loseAnswersTo = (page: Page, action: string) =>
  page.route(`**/actions/${action}`, async (route) => {
    await route.fetch();
    await route.abort('aborted');
  });

/** Delays the next list of versions until `release` is called. */
const holdVersions = async (page: Page) => {
  const action = '**/actions/list-versions';
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hold = async (route: Route): Promise<void> => {
    await released;
    await route.continue();
  };
  await page.route(action, hold, { times: 1 });
  return { asked: page.waitForRequest(action), release: () => release() };
};

describe('the list of secrets', () => {
  it('explains how to create a first secret, and creates one with a generated value', async () => {
    const { page } = await console.open();
    await page.getByRole('heading', { name: 'No secrets yet' }).waitFor();
    await shows(page, /dsvault create DB_PASSWORD/);
    await press(page, 'New secret');
    await fill(page, 'Name', 'app.token');
    await inDialog(page).getByText('Generate a value').click();
    await fill(page, 'Length', '40');
    await inDialog(page).getByLabel('Characters').selectOption('hex');
    await press(page, 'Generate');
    await fill(page, /^Note/, 'made in the console');
    await submit(page);
    await told(page, 'Created app.token, version 1.');
    expect(new URL(page.url()).hash).toBe('#/secrets/app.token');
    const [version] = await versionsOf('app.token');
    expect(version?.value).toMatch(/^[0-9a-f]{40}$/);
    expect(version?.note).toBe('made in the console');
  });

  it('searches names, focuses the search on /, and keeps the search while one secret is shown', async () => {
    const [one, other] = [await vault.create('v'), await vault.create('v', freshName('OTHER'))];
    const { page } = await console.open();
    await page.getByRole('link', { name: one, exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('OTHER');
    await page.getByRole('link', { name: one, exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: other, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: other }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: other, exact: true }).waitFor();
    expect(await listed(page)).toEqual([other]);
    await page.getByRole('searchbox').focus();
    await page.keyboard.press('End');
    await page.keyboard.type('/ no name has a space');
    await shows(page, /^No stored secret has OTHER\/ no name has a space in its name/);
  });

  it('finds a text anywhere in names, whatever its case, and shows the details of what it finds in one list', async () => {
    const names = ['a.the_SHOP', 'a.the_shop.zone', 'old.the_Shop', 'the_shop.b', 'The_Shop_2'];
    await vault.create();
    for (const name of names)
      await vault.ask('POST', '/v1/secrets', { name, value: 'v', note: `for ${name}` });
    await vault.ask('DELETE', '/v1/secrets/a.the_SHOP');
    const { page } = await console.open();
    await page.getByLabel(/^Find a name/).fill('the_shop');
    expect(await untilListed(page, 4)).toEqual([
      ...['The_Shop_2', 'the_shop.b', 'a.the_shop.zone', 'old.the_Shop'],
    ]);
    expect(await page.getByRole('table').count()).toBe(1);
    const row = page.getByRole('row').filter({ hasText: 'for old.the_Shop' });
    expect(await row.textContent()).toMatch(/^the_Shop1\d{4}-\d\d-\d\d [\d:.]{12}alicefor old/);
    // The test chooses `deleted` right after typing, before the search for the typed text has
    // begun.
    await page.getByLabel(/^Find a name/).fill('zone');
    await page.getByRole('radio', { name: 'deleted' }).check();
    await shows(page, 'No deleted secret has zone in its name.');
    await page.getByLabel(/^Find a name/).fill('SHOP');
    expect(await untilListed(page, 1)).toEqual(['a.the_SHOP']);
  });

  it('shows each name once, without one that is deleted during the search', async () => {
    for (const name of ['RACE', 'RACE_2']) await vault.create('v', name);
    const { page } = await console.open();
    await page.getByRole('link', { name: 'RACE', exact: true }).waitFor();
    let asked = 0;
    await page.route('**/actions/list-secrets', async (route) => {
      asked += 1;
      // The first request lists the names, and each later one gets the details for one of them.
      if (asked === 2) await vault.ask('DELETE', '/v1/secrets/RACE');
      await route.continue();
    });
    await page.getByLabel(/^Find a name/).fill('race');
    await page.getByRole('link', { name: 'RACE', exact: true }).waitFor({ state: 'detached' });
    expect(await listed(page)).toEqual(['RACE_2']);
  });

  it('groups names by what is before their last dot, after the names without a dot', async () => {
    const names = ['grp.B', 'grp.a.C', 'grp.z', 'zgrp', 'a.grp.'];
    await vault.create();
    await Promise.all(names.map((name) => vault.create('v', name)));
    const { page } = await console.open();
    await page.getByLabel(/^Find a name/).fill('grp');
    expect(await untilListed(page, 5)).toContain('a.grp.');
    expect(await page.getByRole('rowheader').allTextContents()).toEqual([
      ...['zgrp', 'grp.', 'B', 'z', 'grp.a.', 'C', 'a.', 'grp.'],
    ]);
    expect(await page.getByRole('columnheader').allTextContents()).toEqual([
      ...['Name', 'Version', 'Changed', 'By', 'Note'],
    ]);
    await page.getByRole('link', { name: 'grp.a.C', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'grp.a.C' }).waitFor();
  });

  it('shows a long list in pages of 50, and search results in pages of 25', async () => {
    const names = Array.from({ length: 51 }, (_, index) => `_.${String(index).padStart(2, '0')}`);
    await Promise.all(names.map((name) => vault.create('v', name)));
    const { page } = await console.open();
    const turn = async (way: 'Next' | 'Previous', name: string, count: number) => {
      await press(page, `${way} page`);
      await page.getByRole('link', { name, exact: true }).waitFor();
      expect(await listed(page)).toHaveLength(count);
    };
    await untilListed(page, 50);
    await press(page, 'Next page');
    await page.getByLabel(/^Find a name/).fill('_.');
    await page.getByRole('link', { name: '_.00' }).waitFor();
    await untilListed(page, 25);
    await turn('Next', '_.25', 25);
    await turn('Next', '_.50', 1);
    expect(await page.getByRole('button', { name: 'Next page' }).count()).toBe(0);
    await turn('Previous', '_.49', 25);
    await turn('Previous', '_.00', 25);
    expect(await page.getByRole('button', { name: 'Previous page' }).count()).toBe(0);
    await press(page, 'Next page');
    await page.getByLabel(/^Find a name/).fill('_.0');
    await page.getByRole('link', { name: '_.00' }).waitFor();
  });
});

describe('the view of a secret', () => {
  it('updates, rolls back, deletes and restores the secret, and announces each', async () => {
    const name = await vault.create('first');
    const page = await openSecret(console, name);
    await press(page, 'Update');
    await fill(page, 'Value', 'second\nline');
    await fill(page, /^Note/, 'rotated');
    await submit(page);
    await told(page, `Stored version 2 of ${name}.`);
    await page.getByRole('row', { name: /rotated/ }).waitFor();
    await focused(page, page.getByRole('button', { name: 'Update' }));
    await press(page, 'Roll back to version 1');
    await submit(page);
    await told(page, `Stored version 3 of ${name} with the value of version 1.`);
    await press(page, 'Delete');
    await fill(page, /^Note/, 'moved');
    await submit(page);
    await told(page, `Deleted ${name}. Its history stays, and Restore brings it back.`);
    const why = 'You cannot roll back. The secret is deleted. Restore it before you roll back.';
    await page.getByRole('button', { name: 'Roll back to version 1', description: why }).waitFor();
    await press(page, 'Restore');
    await submit(page);
    await told(page, `Restored ${name}: version 5 has the value of version 3.`);
    expect((await versionsOf(name)).map(({ state, value }) => value ?? state)).toEqual([
      ...['first', 'deleted', 'first', 'second\nline', 'first'],
    ]);
    await page.getByRole('row', { name: /^5 stored/ }).waitFor();
    expect(await page.getByRole('row').count()).toBe(6);
    await visit(page, 'Secrets');
    const heading = page.getByRole('heading', { level: 1, name: 'Secrets' });
    await focused(page, heading);
    expect(await page.locator('.told').textContent()).toBe('');
  });

  it('keeps bytes that are not text when it rolls back, and reads no value for that', async () => {
    const name = freshName();
    const bytes = { value: '/wD+AQ==', encoding: 'base64' };
    await vault.ask('POST', '/v1/secrets', { name, ...bytes });
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'text' });
    const page = await openSecret(console, name);
    await press(page, 'Roll back to version 1');
    await submit(page);
    await told(page, `Stored version 3 of ${name} with the value of version 1.`);
    const lines = () => vault.lines().filter((line) => line.includes(`"${name}@`));
    await until(async () => lines().some((line) => line.includes(`"copied":["${name}@1"]`)));
    expect(lines().filter((line) => line.includes('"read":["'))).toEqual([]);
    expect((await versionsOf(name))[0]).toMatchObject(bytes);
  });

  it('destroys one or all old values after the name is typed again, and shows its progress until the person cancels', async () => {
    const name = await vault.create('1');
    for (const value of ['2', '3', '4']) await vault.ask('PUT', `/v1/secrets/${name}`, { value });
    const page = await openSecret(console, name);
    const states = async () => (await versionsOf(name)).map(({ state }) => state);
    await press(page, 'Destroy version 2');
    await fill(page, /^Type/, 'another name');
    await submit(page);
    expect(await states()).toEqual(['stored', 'stored', 'stored', 'stored']);
    await fill(page, /^Type/, name);
    await submit(page);
    await told(page, `Destroyed the value of version 2 of ${name}.`);
    expect(await states()).toEqual(['stored', 'stored', 'destroyed', 'stored']);
    await page.getByRole('row', { name: /^2 destroyed/ }).waitFor();
    // The button that had the focus is gone, so the focus moves to the heading.
    await focused(page, page.getByRole('heading', { level: 1 }));
    // The first value is destroyed, and the user gives up while the second request hangs.
    const destroying = '**/actions/destroy-version';
    await page.route(destroying, () => undefined);
    await page.route(destroying, (route) => route.continue(), { times: 1 });
    await press(page, 'Destroy all old values');
    await fill(page, /^Type/, name);
    await submit(page);
    await shows(inDialog(page), '1 of 2');
    expect(await inDialog(page).getByRole('progressbar').getAttribute('value')).toBe('1');
    await inDialog(page).getByRole('button', { name: 'Cancel' }).click();
    await shows(inDialog(page), /^You stopped waiting/);
    expect((await states()).filter((state) => state === 'destroyed')).toHaveLength(2);
    await page.unroute(destroying);
    await submit(page);
    await told(page, `Destroyed 1 old value of ${name}.`);
    expect(await states()).toEqual(['stored', 'destroyed', 'destroyed', 'destroyed']);
    await page
      .getByRole('button', { name: /^Destroy/ })
      .first()
      .waitFor({ state: 'detached' });
  });

  it('offers a new value for a deleted secret whose last value was destroyed', async () => {
    const name = await vault.create();
    await vault.ask('DELETE', `/v1/secrets/${name}`, { note: 'no longer used' });
    await vault.call('DELETE', `/v1/secrets/${name}/versions/1`, {
      token: vault.token({ scope: everything }),
    });
    const { page } = await console.open();
    await page.getByRole('radio', { name: 'deleted' }).check();
    const row = page.getByRole('row', { name });
    await shows(row, 'no longer used');
    await page.getByRole('columnheader', { name: 'Deleted' }).waitFor();
    await row.getByRole('link').click();
    await shows(page, 'The last value was destroyed. Create a new value instead.');
    await press(page, 'Create a new value');
    await fill(page, 'Value', 'begun again');
    await submit(page);
    await told(page, `Created ${name}, version 3.`);
    await shows(page, /version 3, written by/);
  });

  it('says that an update was stored, or that someone else was faster, only once it shows the newest versions', async () => {
    const name = await vault.create('first');
    const page = await openSecret(console, name);
    const first = await holdVersions(page);
    await update(page, 'second');
    await first.asked;
    expect(await page.locator('.told').textContent()).toBe('');
    first.release();
    await told(page, `Stored version 2 of ${name}.`);
    expect(await page.getByRole('row', { name: /^2 stored/ }).count()).toBe(1);
    await press(page, 'Update');
    await fill(page, 'Value', 'mine');
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'theirs' });
    const second = await holdVersions(page);
    await submit(page);
    await second.asked;
    expect(await page.getByRole('alert').count()).toBe(0);
    second.release();
    await shows(page.getByRole('alert'), /Someone else has changed the secret/);
    expect(await page.getByText(/version 3, written by/).count()).toBe(1);
    expect(await versionsOf(name)).toHaveLength(3);
    // Pressing the button again stores this person's value as the version after the other person's.
    await press(page, 'Store');
    await told(page, `Stored version 4 of ${name}.`);
    expect((await versionsOf(name)).map(({ value }) => value)).toEqual([
      ...['mine', 'theirs', 'second', 'first'],
    ]);
  });

  it('writes one version for an update that is repeated after a lost answer, and another for a changed value', async () => {
    const name = await vault.create('first');
    const page = await openSecret(console, name);
    const lose = async (value: string) => {
      await loseAnswersTo(page, 'update-secret');
      await update(page, value);
      await page.getByRole('alert').waitFor();
      await page.unroute('**/actions/update-secret');
    };
    await lose('second');
    await submit(page);
    await told(page, `Stored version 2 of ${name}.`);
    await lose('third');
    await fill(page, 'Value', 'fourth');
    await shows(page, /version 3, written by/);
    await submit(page);
    await told(page, `Stored version 4 of ${name}.`);
    expect((await versionsOf(name)).map(({ value }) => value)).toEqual([
      ...['fourth', 'third', 'second', 'first'],
    ]);
  });

  const waysToGiveUp: Readonly<Record<string, (page: Page) => Promise<void>>> = {
    'the button': (page) => inDialog(page).getByRole('button', { name: 'Cancel' }).click(),
    Escape: (page) => page.keyboard.press('Escape'),
  };
  it.each(Object.keys(waysToGiveUp))(
    'lets a person give up waiting by %s, and repeat the action afterwards',
    async (way) => {
      const name = await vault.create('first');
      const page = await openSecret(console, name);
      await page.route('**/actions/update-secret', () => undefined);
      await press(page, 'Update');
      await fill(page, 'Value', 'second');
      await submit(page);
      await shows(inDialog(page), 'Working…');
      await waysToGiveUp[way]?.(page);
      await shows(inDialog(page), /^You stopped waiting/);
      await page.unroute('**/actions/update-secret');
      await submit(page);
      await told(page, `Stored version 2 of ${name}.`);
    },
  );

  it('shows a refusal beside the button, with its code and its request id', async () => {
    const name = await vault.create('first');
    const page = await openSecret(console, name);
    await press(page, 'Update');
    await fill(page, 'Value', 'long enough');
    await fill(page, /^Note/, 'it is long enough');
    await submit(page);
    const alert = inDialog(page).getByRole('alert');
    await alert.getByText('invalid_request').waitFor();
    expect(await alert.textContent()).toMatch(/request [0-9a-f-]{36}/);
    expect(await versionsOf(name)).toHaveLength(1);
  });

  it('moves the focus to its heading, and back to its button when a dialog is closed, and keeps no value of that dialog', async () => {
    const page = await openSecret(console, await vault.create('first'));
    await focused(page, page.getByRole('heading', { level: 1 }));
    await press(page, 'Update');
    await fill(page, 'Value', 'half typed');
    const field = await inDialog(page).getByLabel('Value').elementHandle();
    await page.keyboard.press('Escape');
    await inDialog(page).waitFor({ state: 'detached' });
    expect(await field?.evaluate((gone) => (gone as { value?: string }).value)).toBe('');
    await focused(page, page.getByRole('button', { name: 'Update' }));
    await press(page, 'Update');
    expect(await inDialog(page).getByLabel('Value').inputValue()).toBe('');
  });
});

describe('a console whose token may only read some names', () => {
  const reading = useConsole(vault, { scope: 'secrets:read', names: ['seen.*'] });

  it('shows what the token lacks on each button, and sends nothing', async () => {
    await vault.create('1', 'seen.one');
    await vault.ask('PUT', '/v1/secrets/seen.one', { value: '2' });
    await vault.create('1', 'hidden.one');
    const { page } = await reading.open();
    await page.getByRole('link', { name: 'seen.one' }).waitFor();
    expect(await page.getByRole('link', { name: 'hidden.one' }).count()).toBe(0);
    const lacking = async (button: string, reason: string) => {
      const found = page.getByRole('button', { name: button, description: reason });
      expect(await found.getAttribute('aria-disabled')).toBe('true');
      await found.click({ force: true });
      expect(await inDialog(page).count()).toBe(0);
    };
    await lacking('New secret', 'Your token lacks secrets:write.');
    await page.getByRole('link', { name: 'seen.one' }).click();
    await page.getByRole('heading', { name: 'Versions', exact: true }).waitFor();
    await lacking('Update', 'Your token lacks secrets:write.');
    await lacking('Delete', 'Your token lacks secrets:delete.');
    await lacking(
      'Roll back to version 1',
      'You cannot roll back. Your token lacks secrets:write.',
    );
    await lacking(
      'Destroy version 1',
      'You cannot destroy values. Your token lacks secrets:destroy.',
    );
    await lacking('What may I do?', 'Your token lacks secrets:explain.');
  });
});

describe('a console whose token covers some names', () => {
  const writing = useConsole(vault, { names: ['mine.*'] });

  it('refuses a name that the token does not cover while it is typed', async () => {
    const { page } = await writing.open();
    await shows(page, /Your token covers only/);
    await press(page, 'New secret');
    await fill(page, 'Value', 'v');
    const fault = async (name: string) => {
      await fill(page, 'Name', name);
      return await inDialog(page)
        .getByLabel('Name')
        .evaluate((field) => (field as { validationMessage?: string }).validationMessage);
    };
    expect(await fault('theirs.one')).toBe('Your token covers only mine.*.');
    expect(await fault('not a name')).toMatch(/^A name starts with a letter or _/);
    expect(await fault('mine.one')).toBe('');
    await submit(page);
    await told(page, 'Created mine.one, version 1.');
  });
});

describe('a console whose token may only list', () => {
  const listing = useConsole(vault, { scope: 'secrets:list', names: ['listed.*'] });

  it('shows names and versions, and what the token lacks instead of each value', async () => {
    await vault.create('1', 'listed.one');
    await vault.ask('PUT', '/v1/secrets/listed.one', { value: '2' });
    const { page } = await listing.open();
    await page.getByRole('link', { name: 'listed.one' }).click();
    await page.getByRole('heading', { name: 'Versions', exact: true }).waitFor();
    // The page says so four times: for the current value, for both versions, for comparing them.
    expect(await page.getByText('Your token lacks secrets:read.', { exact: true }).count()).toBe(4);
    expect(await page.getByRole('button', { name: /^(Show|Copy) the/ }).count()).toBe(0);
  });
});
