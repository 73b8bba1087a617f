/** The view of the log of `npm start`, and of its store and key, in a real browser. */
import { describe, expect, it } from '@jest/globals';
import { useConsole } from '../support/console.ts';
import { useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

describe('the activity in the console', () => {
  it('shows lines as they come, those of one secret, and the story of its request', async () => {
    const name = await vault.create();
    const { page } = await console.open();
    await page.getByRole('link', { name: 'Activity' }).click();
    const rows = page.locator('tbody tr');
    await rows
      .filter({ hasText: `${name}@1` })
      .first()
      .waitFor();
    await page.getByLabel('Secret').fill(name);
    await page.getByLabel('Outcome, decision or code').fill('version_written');
    await page.getByText('No line of the log matches.').waitFor();
    const updated = await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'w' });
    await rows.filter({ hasText: `${name}@2` }).waitFor();
    expect(await rows.count()).toBe(1);

    await rows.getByRole('link').click();
    await page
      .getByText(`asked for update-secret on ${name}, and the vault did it (200).`)
      .waitFor();
    expect(await rows.allTextContents()).toEqual([
      expect.stringContaining('version_written'),
      expect.stringContaining('ok'),
    ]);
    await page.getByText(updated.headers.get('x-request-id') ?? '').waitFor();
  });

  it('gives up the log when a person leaves it', async () => {
    const { page } = await console.open();
    const left = page.waitForEvent('requestfailed', (request) =>
      request.url().endsWith('/activity'),
    );
    await page.getByRole('link', { name: 'Activity' }).click();
    await page.locator('tbody tr').first().waitFor();
    await page.getByRole('link', { name: 'Secrets' }).click();
    await left;
  });
});

describe('a vault without nodes in the console', () => {
  it('shows its store and its master key', async () => {
    const { page } = await console.open();
    await page.getByRole('link', { name: 'Nodes' }).click();
    await page.getByText(/^The vault works: its store answers in \d+ ms\.$/).waitFor();
    await page.getByText('can be used').waitFor();
    expect(await page.getByRole('button', { name: /^Kill/ }).count()).toBe(0);
  });
});

describe('a token without vault:status in the console', () => {
  const limited = useConsole(vault, { scope: 'secrets:read' });

  it('leads to a sentence that names the scope', async () => {
    const { page } = await limited.open();
    await page.getByRole('link', { name: 'Nodes' }).click();
    await page.getByText('Your token lacks vault:status.').waitFor();
  });
});
