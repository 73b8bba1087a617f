/** The programs of a vault that the bench measures. They end with the bench. */
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTokenKey } from '../host/identity/token-key.ts';
import { root } from '../host/process/data-folder.ts';
import { startProgram } from '../host/process/supervisor.ts';
import { failure } from '../system/failures.ts';

const startLimitMs = 90_000;

/** The environment of a measured program, without the user's settings of a store or key. */
const environmentWith = (settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const { PATH, HOME, TMPDIR, NODE_OPTIONS } = process.env;
  return { PATH, HOME, TMPDIR, NODE_OPTIONS, ...settings };
};

/**
 * Starts a program of host/bin, and returns its pid and its address when it serves. Its output goes
 * to the file `log`, so that nobody needs to read it. If the program does not start, throws a
 * user-facing error with the end of that file.
 */
export const startServing = async (
  program: 'node.ts' | 'start.ts',
  log: string,
  settings: NodeJS.ProcessEnv,
): Promise<{ readonly pid: number; readonly url: string }> => {
  const output = openSync(log, 'a');
  const child = startProgram(process.execPath, [join(root, 'host', 'bin', program)], {
    cwd: root,
    env: environmentWith(settings),
    stdio: ['ignore', output, output],
  });
  const until = performance.now() + startLimitMs;
  for (;;) {
    const text = readFileSync(log, 'utf8');
    const [, url] = /^vault listening on (.+)$/m.exec(text) ?? [];
    if (url !== undefined) return { pid: child.pid ?? 0, url };
    if (child.exitCode !== null || performance.now() > until) {
      throw failure(`${program} did not start: ${text.slice(-2_000)}`);
    }
    await sleep(20);
  }
};

/** Issues a token of one tenant, signed by the key of the folder. */
export const issueToken = async (folder: string): Promise<string> => {
  const claims = { tenant: 'bench', sub: 'bench', scope: 'secrets:read secrets:write' };
  return await (await openTokenKey(folder)).issue(claims, 3_600);
};
