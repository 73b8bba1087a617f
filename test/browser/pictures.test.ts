/**
 * The pictures in the documents. Every run plays the scenes; `TEST_PICTURES=1 npm run test:browser
 * -- pictures` also rewrites docs/images.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useCluster } from '../support/cluster-process.ts';
import { press, shows, useConsole, visit } from '../support/console.ts';
import { useVault } from '../support/running-vault.ts';

const isWanted = process.env['TEST_PICTURES'] !== undefined;
const folder = 'docs/images';

/** The window, language, time zone and colours of the browser for all pictures. */
const look = {
  viewport: { width: 1_000, height: 760 },
  locale: 'en-GB',
  timezoneId: 'UTC',
  colorScheme: 'light',
} as const;
const now = new Date('2026-11-24T15:30:00.000Z');
const dayMs = 86_400_000;
const requestId = '0f8fad5b-d9cb-469f-a165-70867728950e';

const vault = useVault();
const console = useConsole(vault, {
  tenant: 'acme',
  scope: 'secrets:read secrets:write secrets:delete secrets:explain vault:status',
});

/** Maps the vault's instants to the ones that the pictures show. */
const instants = new Map<string, string>();

const write = async (
  sub: string,
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: object,
): Promise<void> => {
  const token = vault.token({ tenant: 'acme', sub });
  const { status, json } = await vault.call(method, `/v1/secrets${path}`, { token, body });
  expect(status).toBeLessThan(300);
  const days = [61, 40, 23, 16, 9][instants.size] ?? 1;
  // The last part varies the time of day of the instants.
  const ms = now.getTime() - days * dayMs - instants.size * 4_567_891;
  instants.set(json.validFrom ?? '', new Date(ms).toISOString());
};

beforeAll(async () => {
  await write('alice', 'POST', '', { name: 'DB_PASSWORD', value: 'hunter2', note: 'first' });
  await write('ci', 'PUT', '/DB_PASSWORD', { value: 'uW4-n8', note: 'rotated' });
  await write('bob', 'DELETE', '/DB_PASSWORD', { note: 'by mistake' });
  await write('alice', 'POST', '', { name: 'DB_PASSWORD', value: 'uW4-n8', note: 'brought back' });
  await write('ci', 'PUT', '/DB_PASSWORD', { value: 'zR2-x1', note: 'rotated' });
});

/** Opens a page of the console with fixed instants and a fixed address. */
const openFixed = async (): Promise<Page> => {
  const viewport = { ...look.viewport, height: 590 };
  const { page } = await console.open({ ...look, viewport }, async (context) => {
    await context.clock.setFixedTime(now);
    // Answers are sealed, so they are changed after the page has opened them.
    await context.addInitScript(`(() => {
      const { parse } = JSON;
      JSON.parse = (text, ...more) => {
        let shown = text.replace(/"requestId":"[^"]*"/, ${JSON.stringify(`"requestId":"${requestId}"`)});
        for (const [real, instead] of ${JSON.stringify([...instants, [vault.baseUrl(), 'http://127.0.0.1:3000']])}) {
          shown = shown.replaceAll(real, instead);
        }
        return parse(shown, ...more);
      };
    })()`);
  });
  return page;
};

/**
 * Takes a picture of the page. With TEST_PICTURES it writes the picture and the text that a screen
 * reader would get. Otherwise it compares that text with the stored one, so that a picture cannot
 * become outdated.
 */
const take = async (page: Page, name: string): Promise<void> => {
  await page.mouse.move(0, 0);
  const picture = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  const told = await page.locator('main').ariaSnapshot();
  const toldFile = `test/browser/pictures/${name}.yml`;
  const file = join(folder, `${name}.png`);
  if (isWanted) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, picture);
    if (name !== 'nodes') writeFileSync(toldFile, withSeal(told, picture));
  } else {
    expect(readFileSync(toldFile, 'utf8')).toBe(withSeal(told, readFileSync(file)));
  }
};

/** Adds a hash over text and picture, so that nobody changes only one of them. */
const withSeal = (told: string, picture: Uint8Array): string =>
  `# text and picture: ${createHash('sha256').update(told).update(picture).digest('hex')}\n${told}`;

describe('the pictures of the documents', () => {
  it('show the life of a secret at an earlier instant', async () => {
    const page = await openFixed();
    await page.getByRole('link', { name: 'DB_PASSWORD' }).click();
    for (let presses = 0; presses < 3; presses += 1) {
      await press(page, 'Earlier version');
    }
    await shows(page, 'version 2', { exact: true });
    await shows(page, /^dsvault get DB_PASSWORD --at/);
    await page
      .getByRole('heading', { name: 'Through time' })
      .evaluate('(one) => one.scrollIntoView()');
    await take(page, 'secret');
  });

  it('are the only files in docs/images', () => {
    expect(readdirSync(folder).sort()).toEqual(['nodes.png', 'secret.png']);
  });
});

// This scene is played only when pictures are written. nodes.test.ts covers it in every run.
const describeNodes = () => {
  const { cluster, vaultOf } = useCluster('acme');
  const ofCluster = useConsole(vaultOf(1), { scope: 'secrets:read vault:status' });

  it('shows a dead node', async () => {
    const { page } = await ofCluster.open({ ...look, viewport: { width: 1_000, height: 700 } });
    await visit(page, 'Nodes');
    await shows(page, '3 of 3 nodes serve');
    expect(await cluster().command('kill', '2')).toMatchObject({ code: 0 });
    await shows(page, '2 of 3 nodes serve');
    await page.waitForTimeout(5_000);
    await take(page, 'nodes');
  });
};
if (isWanted) describe('the picture of three nodes', describeNodes);
