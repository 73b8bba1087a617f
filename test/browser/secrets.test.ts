/** The views of secrets in a real browser. */
import { describe, expect, it } from '@jest/globals';
import { useConsole } from '../support/console.ts';
import { useVault } from '../support/running-vault.ts';

const vault = useVault();
const console = useConsole(vault);

describe('the console', () => {
  it('lists a secret, opens it, and shows its value when asked', async () => {
    const name = await vault.create('the value');
    const { page } = await console.open();
    await page.getByRole('link', { name }).click();
    await page.getByRole('button', { name: /^Show/ }).first().click();
    await page.getByText('the value', { exact: true }).waitFor();
    expect(new URL(page.url()).hash).toBe(`#/secrets/${name}`);
  });
});
