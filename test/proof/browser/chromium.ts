/** A real browser: Chromium without a window and with a new profile. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { endChild, startChild } from '../../../local/process/supervisor.ts';

const limitMs = 90_000;

const requireChromium = (): void => {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, 'chromium')))) return;
  throw new Error('chromium is not on the PATH: install it (Debian: apt-get install chromium)');
};

/**
 * Opens the URL, returns what `work` resolves to, and then ends the browser. Throws with the last output of the browser
 * if it ends before, or if the work takes more than 90 s. `names` resolve to 127.0.0.1 in this browser.
 */
export const browse = async <Result>(
  url: string,
  names: readonly string[],
  work: Promise<Result>,
): Promise<Result> => {
  requireChromium();
  const profile = mkdtempSync(join(tmpdir(), 'vault-browser-'));
  const options = [
    'headless',
    'no-sandbox',
    'disable-gpu',
    'disable-quic',
    'disable-dev-shm-usage',
    'no-first-run',
    'no-proxy-server',
    'disable-background-networking',
    'disable-component-update',
    'disable-sync',
    `user-data-dir=${profile}`,
    `host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`,
  ];
  const args = [...options.map((option) => `--${option}`), url];
  const child = startChild('chromium', args, profile, { HOME: profile });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2_000);
  });
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<never>((_, reject) => {
    const fail = (why: string) => () => reject(new Error(`the browser ${why}: ${words}`));
    child.once('error', fail('did not start')).once('exit', fail('ended early'));
    timer = setTimeout(fail('did not finish in time'), limitMs);
  });
  try {
    return await Promise.race([work, lost]);
  } finally {
    clearTimeout(timer);
    lost.catch(() => undefined);
    await endChild(child, 5_000);
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
};
