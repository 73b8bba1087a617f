/** Uses a page as somebody does who has only a keyboard. */
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

/** More than the number of controls in any view. */
const pressesMax = 150;

/**
 * Returns the name of the element that has the focus. Asserts that people can see where the focus
 * is.
 */
export const focused = async (page: Page): Promise<string> => {
  const [name, outline] = await page.evaluate<[string, string]>(`(() => {
    const element = document.activeElement;
    if (element === document.body) return ['', ''];
    const label = element.labels?.[0] ?? element;
    const name = element.getAttribute('aria-label') ?? label.textContent;
    return [name.trim().replace(/\\s+/g, ' '), getComputedStyle(element).outlineStyle];
  })()`);
  if (name !== '') expect([name, outline]).not.toEqual([name, 'none']);
  return name;
};

/** Presses Tab until an element with this name has the focus. */
export const tabTo = async (page: Page, name: RegExp): Promise<void> => {
  const passed: string[] = [];
  while (passed.length < pressesMax) {
    await page.keyboard.press('Tab');
    const present = await focused(page);
    if (name.test(present)) return;
    passed.push(present);
  }
  throw new Error(`Tab does not lead to ${name}: ${passed.join(' · ')}`);
};

/** Presses Tab until an element with this name has the focus, and then Enter. */
export const enter = async (page: Page, name: RegExp): Promise<void> => {
  await tabTo(page, name);
  await page.keyboard.press('Enter');
};

/**
 * Presses Tab through the whole page, or through its open dialog. Returns the controls that Tab
 * does not reach or that show no outline when they have the focus, each as HTML after what is
 * wrong.
 */
export const faultsOfTab = async (page: Page): Promise<string[]> => {
  await page.evaluate(`document.activeElement.blur(); globalThis.passedByTab = new Map();`);
  for (let presses = 0; presses < pressesMax; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(wasHere)) break;
  }
  return page.evaluate(missedByTab);
};

/**
 * A script for the page. It notes the element that has the focus and the element's outline, and
 * returns true if Tab has come back to an element that it had left.
 */
const wasHere = `(() => {
  const passed = globalThis.passedByTab;
  const element = document.activeElement;
  // A field for a date has the focus several times, one part after the other.
  if (element !== globalThis.lastByTab && passed.has(element)) return true;
  globalThis.lastByTab = element;
  passed.set(element, getComputedStyle(element).outlineStyle);
  return false;
})()`;

const missedByTab = `(() => {
  const root = document.querySelector('dialog[open]') ?? document;
  const controls = root.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]');
  const isReachable = (control) => {
    if (control.disabled || !control.checkVisibility({ visibilityProperty: true })) return false;
    if (control.type !== 'radio' || control.checked) return true;
    // Tab reaches the chosen one of a group of choices, and the arrows lead to the others.
    return root.querySelector('input[type=radio][name="' + control.name + '"]:checked') === null;
  };
  const told = (what, { outerHTML }) => what + ' ' + outerHTML.slice(0, 200);
  return [...controls].filter(isReachable).flatMap((control) => {
    const outline = globalThis.passedByTab.get(control);
    if (outline === undefined) return told('not reached by Tab:', control);
    return outline === 'none' ? told('no outline:', control) : [];
  });
})()`;
