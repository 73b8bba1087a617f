/** A real browser: headless Chromium. */
import { type Browser, chromium } from 'playwright-core';
import { findProgram } from '../../system/programs.ts';

/**
 * Starts Chromium with a temporary profile. `hosts` maps host names to addresses in this browser.
 */
export const launchChromium = (hosts: Readonly<Record<string, string>> = {}): Promise<Browser> =>
  chromium.launch(chromiumOptions(hosts));

/** Returns the options with which Chromium is started. Throws if it is not installed. */
export const chromiumOptions = (hosts: Readonly<Record<string, string>> = {}) => {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) {
    throw new Error('chromium is not on the PATH: install it (Debian: apt-get install chromium)');
  }
  const rules = Object.entries(hosts).map(([name, address]) => `MAP ${name} ${address}`);
  const args = ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=${rules.join()}`];
  return { executablePath, args, headless: true };
};
