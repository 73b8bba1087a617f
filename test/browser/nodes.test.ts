/** The views of nodes in a real browser, on three nodes that a person kills and starts again. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { faultsOf } from '../support/accessible.ts';
import { type ClusterProcess, endCluster, startCluster } from '../support/cluster-process.ts';
import { useConsole } from '../support/console.ts';
import { type Claims, issueToken } from '../support/tokens.ts';
import { until } from '../support/until.ts';

jest.setTimeout(120_000);

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => endCluster(cluster));

const vault = {
  baseUrl: () => cluster.urlOf(1),
  token: (claims?: Claims) =>
    issueToken(join(cluster.folder, 'key'), { tenant: 'cluster-test', ...claims }),
  get dataDir() {
    return cluster.folder;
  },
};
const console = useConsole(vault, { scope: 'secrets:read secrets:write vault:status' });

const openNodes = async (): Promise<Page> => {
  const { page } = await console.open();
  await page.getByRole('link', { name: 'Nodes' }).click();
  return page;
};
const sentence = (page: Page, text: string) => page.getByText(text).waitFor({ timeout: 30_000 });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
/** The rate of this outcome in the last seconds, as the page shows it. */
const rateOf = async (page: Page, outcome: string): Promise<number> =>
  Number(await page.locator(`[data-outcome=${outcome}]`).textContent());

describe('the console of a cluster', () => {
  it('kills and starts a node, goes on meanwhile, and counts what callers see', async () => {
    const page = await openNodes();
    await sentence(page, '3 of 3 nodes serve, all copies agree.');
    await button(page, 'Start the test writes').click();
    await until(async () => (await rateOf(page, 'acknowledged')) > 10, 30_000);

    await button(page, 'Kill node 1').click();
    const dialog = page.getByRole('dialog', { name: 'Kill node 1?' });
    await dialog.getByText('stays on its disk').waitFor();
    await dialog.getByRole('button', { name: 'Kill node 1' }).click();
    await sentence(page, '2 of 3 nodes serve (node 1: killed), all copies agree.');
    await until(async () => (await rateOf(page, 'refused')) > 3, 30_000);
    expect(await rateOf(page, 'acknowledged')).toBeGreaterThan(5);
    expect(await page.locator('svg.rates rect.refused').count()).toBeGreaterThan(0);
    expect(await page.locator('svg.rates .mark').count()).toBe(1);
    expect(await faultsOf(page)).toEqual([]);

    await button(page, 'Wipe node 2').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Wipe node 2' }).click();
    await page.getByRole('alert').getByText('two whole copies must stay').waitFor();
    await button(page, 'Close').click();

    // The node of the profile is dead, and other views read from another node.
    await page.getByRole('link', { name: 'Secrets' }).click();
    await page.getByRole('heading', { name: 'No secrets yet' }).waitFor();
    await page.getByRole('link', { name: 'Nodes' }).click();

    await button(page, 'Start node 1').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Start node 1' }).click();
    await sentence(page, '3 of 3 nodes serve, all copies agree.');
    await until(async () => (await rateOf(page, 'refused')) === 0, 30_000);
    await button(page, 'Stop the test writes').click();
    await button(page, 'Start the test writes').waitFor();
    await until(async () => (await rateOf(page, 'acknowledged')) === 0, 30_000);
  });

  it('tells the story of a request by its id, whichever node answered it', async () => {
    const { body } = await cluster.ask(2, 'PUT', '/v1/secrets/ABSENT', { body: { value: 'v' } });
    const { page } = await console.open();
    await page.getByRole('link', { name: 'Activity' }).click();
    await page.getByLabel('Secret').fill('absent');
    await page.getByRole('link', { name: String(body['requestId']).slice(0, 8) }).click();
    await page
      .getByText('asked for update-secret on ABSENT, and node 2 refused it (404, not_found)')
      .waitFor();
  });
});
