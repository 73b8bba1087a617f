/** The checker of histories, a program in Go: built under `.local/chaos` when it is first asked. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const source = join(process.cwd(), 'test/cluster/chaos/checker');
const program = join(process.cwd(), '.local/chaos/checker');

/** As `checker/check.go` describes it. */
export type Report = {
  readonly operations: number;
  readonly groups: number;
  readonly overlapping: number;
  readonly refused: number;
  readonly unknown: number;
  readonly resolved: number;
  readonly verdict: 'Ok' | 'Illegal' | 'Unknown';
  readonly problems: readonly string[];
};

const go = (args: readonly string[]): string => {
  const env = { ...process.env, GOTOOLCHAIN: 'local' };
  try {
    return execFileSync('go', args, { cwd: source, env, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(
      `the checker needs go (1.25 or later) on the path: ${stdout}${stderr}${String(error)}`,
    );
  }
};

/** Throws with what Go says if the checker cannot be built. */
export const buildChecker = (): void => {
  mkdirSync(join(program, '..'), { recursive: true });
  go(['build', '-o', program, '.']);
};

/** Runs the checker's own tests; throws with what they print if one fails. */
export const testChecker = (): string => go(['test', './...']);

/** Judges the history in the file. A picture of what is wrong is written into the folder, if one is given. */
export const checkHistory = (file: string, folder = ''): Promise<Report> =>
  new Promise((resolve, reject) => {
    const args = ['-timeout', '3m', '-folder', folder, file];
    execFile(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr || String(error)));
      else resolve(JSON.parse(stdout));
    });
  });
