/** Whether all people can use a page: axe in both colour schemes, no part wider than the window, and Tab alone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { faultsOfTab } from './keyboard.ts';

const widths = [1_280, 360];
const schemes = ['light', 'dark'] as const;

/** Returns the faults of the page as it is now, none if all is well. The page is wide and light afterwards. */
export const faultsOf = async (page: Page): Promise<string[]> => {
  const faults: string[] = [];
  for (const width of widths.toReversed()) {
    await page.setViewportSize({ width, height: 800 });
    for (const colorScheme of schemes.toReversed()) {
      await page.emulateMedia({ colorScheme });
      // The colours are all that differs between the schemes.
      const runOnly = colorScheme === 'dark' ? ['color-contrast'] : undefined;
      for (const fault of await findingsOf(page, runOnly)) {
        faults.push(`${width} ${colorScheme}: ${fault}`);
      }
    }
    const tooWide: number = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    if (tooWide > 0) faults.push(`${width}: ${tooWide} px too wide`);
  }
  return [...new Set([...faults, ...(await faultsOfTab(page))])];
};

const findingsOf = async (page: Page, runOnly?: readonly string[]): Promise<string[]> => {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe.source);
  // Without `preload: false` axe fetches the style sheets, for a rule about turned screens.
  const options = { resultTypes: ['violations'], preload: false, ...(runOnly && { runOnly }) };
  return page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html }) => id + ' (' + help + ') at ' + html.slice(0, 200))))`);
};
