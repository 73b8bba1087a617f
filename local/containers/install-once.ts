/** Installs what tests and `npm run stack` need on this machine, once. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lockWhenFree } from '../../host/process/locks.ts';

export type Installation = {
  readonly folder: string;
  /** Names what is installed, such as its version. If the name changes, it is installed again. */
  readonly name: string;
  /**
   * Installs into the folder. What an installation that was interrupted left in it may still be
   * there.
   */
  readonly install: () => void | Promise<void>;
};

/**
 * Returns when the folder is installed. If several processes need it at the same time, one of them
 * installs while the others wait. If that one dies or fails, the next one installs. Throws the
 * error of `install`.
 */
export const installOnce = async ({ folder, name, install }: Installation): Promise<void> => {
  const mark = join(folder, 'installed');
  const isInstalled = () => existsSync(mark) && readFileSync(mark, 'utf8') === name;
  if (isInstalled()) return;
  mkdirSync(dirname(folder), { recursive: true });
  const { release } = await lockWhenFree(`${folder}.lock`);
  try {
    if (isInstalled()) return;
    rmSync(mark, { force: true });
    await install();
    writeFileSync(mark, name);
  } finally {
    release();
  }
};
