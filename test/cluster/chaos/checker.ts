/**
 * Builds and runs the checker of histories, a program in Go. The binary is kept in `.local/chaos`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const source = join(process.cwd(), 'test/cluster/chaos/checker');
const program = join(process.cwd(), '.local/chaos/checker');

/** The report that `checker/check.go` describes. */
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

/** Throws with the output of Go if the checker cannot be built. */
export const buildChecker = (): void => {
  mkdirSync(join(program, '..'), { recursive: true });
  go(['build', '-o', program, '.']);
};

/** Runs the checker's own tests. Throws with their output if one fails. */
export const testChecker = (): string => go(['test', './...']);

/**
 * Judges the history in the file. If a folder is given and the history is wrong, writes a picture
 * of the error there.
 */
export const checkHistory = (file: string, folder = ''): Promise<Report> =>
  new Promise((resolve, reject) => {
    const args = ['-timeout', '3m', '-folder', folder, file];
    execFile(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr || String(error)));
      else resolve(JSON.parse(stdout));
    });
  });
