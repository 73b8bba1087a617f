/**
 * Tests that need what a machine or a run may not have. Where it is missing they are skipped, and
 * their titles say what they need, so that a run can tell what it left out (run-reporter.ts).
 */
import { describe, it } from '@jest/globals';
import { type Shell, shellsHere } from './shells.ts';

type Register<Body> = (title: string, body: Body) => void;

/** Like `it`, for a test that needs this. `isThere` says whether it is there. */
export const itWith = (need: string, isThere: boolean): Register<() => void | Promise<void>> =>
  isThere ? it : (title, body) => it.skip(`${title} [needs ${need}]`, body);

/** Like `describe`, for tests that need this. */
export const describeWith = (need: string, isThere: boolean): Register<() => void> =>
  isThere ? describe : (title, body) => describe.skip(`${title} [needs ${need}]`, body);

/** Only root can change owners, mount disks and, on Linux, make network namespaces. */
export const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
export const itAsRoot = itWith('root on Linux', isRoot);
export const describeAsRoot = describeWith('root on Linux', isRoot);

/** For a test that runs this shell. */
export const itIn = (shell: Shell) => itWith(shell, shellsHere.includes(shell));
