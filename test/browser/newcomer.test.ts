/**
 * A new user with terminals and a browser, who knows only `npm start` and what the programs show.
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { followLauncher, press, shows, visit } from '../support/console.ts';
import { freshFolder } from '../support/local-process.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const home = freshFolder();
const opened = join(home, 'opened');
const terminals: Terminal[] = [];
let browser: Browser;

/** Runs a command exactly as it was shown, with a folder of this test and free ports. */
const run = (command: string, folder: string): Terminal => {
  const ports = { PORT: '0', CLUSTER_PORT: '0' };
  const PATH = `${home}:${process.env['PATH']}`;
  const terminal = openTerminal(command, { HOME: home, PATH, VAULT_DATA_DIR: folder, ...ports });
  terminals.push(terminal);
  return terminal;
};

/**
 * Runs the first command, which logs in, and the second, which starts a console. Then opens the
 * console in the browser.
 */
const look = async (commands: readonly string[], folder: string): Promise<Page> => {
  const [login = '', console = ''] = commands;
  expect([login, await run(login, folder).ended]).toEqual([login, 0]);
  rmSync(opened, { force: true });
  run(console, folder);
  await until(() => existsSync(opened));
  const page = await browser.newPage();
  await followLauncher(page, { launcher: readFileSync(opened, 'utf8') });
  return page;
};

beforeAll(async () => {
  const opener = join(home, 'xdg-open');
  writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > ${home}/draft\nmv ${home}/draft ${opened}\n`);
  chmodSync(opener, 0o700);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  for (const terminal of terminals.reverse()) await terminal.interrupt();
});

describe('a new user', () => {
  it('creates and changes a secret, looks back, encrypts a file, and watches a node die and come back', async () => {
    const [folder, ofCluster] = [freshFolder(), freshFolder()];
    const start = run('npm start', folder);
    await start.shows(/console\n/);
    const told = start.seen().match(/^.*\.\/cli\/dsvault\.js .*$/gm) ?? [];
    const page = await look(told, folder);

    await shows(page, 'Choose New secret above');
    await press(page, 'New secret');
    await page.getByLabel('Name', { exact: true }).fill('DB_PASSWORD');
    await page.getByLabel('Value', { exact: true }).fill('hunter2');
    await press(page, 'Create');
    await press(page, 'Update');
    await page.getByLabel('Value', { exact: true }).fill('hunter3');
    await press(page, 'Store');
    await shows(page, 'Stored version 2 of DB_PASSWORD.');
    await press(page, 'Earlier version');
    await press(page, 'Show the value at that instant');
    await shows(page, 'hunter2', { exact: true });

    await visit(page, 'Nodes');
    await shows(page, 'To watch a node die and come back');
    const [cluster = '', login = '', console = '', kill = '', startAgain = ''] = await page
      .locator('.command code')
      .allTextContents();
    const running = run(cluster, ofCluster);
    await running.shows(/cluster listening on/);
    const nodes = await look([login, console], ofCluster);
    await visit(nodes, 'Nodes');
    const shown = (text: string) => nodes.getByText(text).waitFor({ timeout: 30_000 });
    await shown('3 of 3 nodes serve, all copies agree.');
    for (const [command, sentence] of [
      [kill, '2 of 3 nodes serve (node 2: no answer), all copies agree.'],
      [startAgain, '3 of 3 nodes serve, all copies agree.'],
    ] as const) {
      expect([command, await run(command, ofCluster).ended]).toEqual([command, 0]);
      await shown(sentence);
    }
  });
});
