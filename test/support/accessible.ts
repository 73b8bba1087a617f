/**
 * Checks whether everybody can use a page: runs axe in both colour schemes, looks for parts that
 * are wider than the window, and walks through the page with Tab alone.
 */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { faultsOfTab } from './keyboard.ts';

const widths = [1_280, 360];
/**
 * Window widths in pixels, each just above a width at which the rows of tables become cards. In
 * windows of these widths, tables have the least room.
 */
const widthsBetween = [1_010, 640];
const schemes = ['light', 'dark'] as const;

/**
 * Returns what is wrong with the page as it is now; an empty list if nothing is. Afterwards the
 * page has the larger width and the light scheme.
 */
export const faultsOf = async (page: Page): Promise<string[]> => {
  const faults: string[] = [];
  for (const width of widthsBetween) faults.push(...(await tooWideAt(page, width)));
  for (const width of widths.toReversed()) {
    faults.push(...(await tooWideAt(page, width)));
    for (const colorScheme of schemes.toReversed()) {
      await page.emulateMedia({ colorScheme });
      // The schemes differ only in their colours.
      const runOnly = colorScheme === 'dark' ? ['color-contrast'] : undefined;
      for (const fault of await findingsOf(page, runOnly)) {
        faults.push(`${width} ${colorScheme}: ${fault}`);
      }
    }
  }
  return [...new Set([...faults, ...(await faultsOfTab(page))])];
};

const tooWideAt = async (page: Page, width: number): Promise<string[]> => {
  await page.setViewportSize({ width, height: 800 });
  // The rows of a table become cards one frame after the window has become narrow.
  const tooWide: number = await page.evaluate(`new Promise((settle) => {
    const { documentElement: root } = document;
    const measure = () => settle(root.scrollWidth - root.clientWidth);
    requestAnimationFrame(() => requestAnimationFrame(measure));
  })`);
  return tooWide > 0 ? [`${width}: ${tooWide} px too wide`] : [];
};

const findingsOf = async (page: Page, runOnly?: readonly string[]): Promise<string[]> => {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe.source);
  // Without `preload: false`, axe fetches the style sheets for a rule about screen orientation.
  const options = { resultTypes: ['violations'], preload: false, ...(runOnly && { runOnly }) };
  return page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html }) => id + ' (' + help + ') at ' + html.slice(0, 200))))`);
};
