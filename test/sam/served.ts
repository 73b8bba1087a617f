/** The process of `npm run sam` between the set-up and the end of a run of this project. */
import { rmSync } from 'node:fs';
import type { LocalProcess } from '../support/local-process.ts';

type Served = { readonly process: LocalProcess; readonly dataDir: string };

/** Jest loads this file anew for the end, so that it is kept where both find it. */
const kept: { vaultOfSam?: Served } = globalThis as { vaultOfSam?: Served };

export const rememberServed = (served: Served): void => {
  kept.vaultOfSam = served;
};

/** Ends it, which removes the containers of its functions, and removes its folder. */
export const forgetServed = async (): Promise<void> => {
  const served = kept.vaultOfSam;
  if (served === undefined) return;
  served.process.child.kill('SIGTERM');
  await served.process.exit;
  rmSync(served.dataDir, { recursive: true, force: true });
};
