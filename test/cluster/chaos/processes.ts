/** Starts the processes of a run, and records what they print. */
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProgram } from '../../../host/process/supervisor.ts';
import { microseconds } from './history.ts';

export type Running = { readonly child: ChildProcess; lastLine: string };

/** Returns the command that runs a program of the repository. */
export const program = (file: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  file,
  ...args,
];

/**
 * Runs the command with exactly this environment. Its output goes to files in the folder that begin
 * with this name.
 */
export const startLogged = (
  folder: string,
  name: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Running => {
  const [file = '', ...args] = command;
  const child = startProgram(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = { child, lastLine: '' };
  // Each message gets a time from the history's clock. The log of the functions, which is JSON,
  // goes to a separate file.
  const said = createWriteStream(join(folder, `${name}.log`), { flags: 'a' });
  const logged = createWriteStream(join(folder, `${name}.functions.log`), { flags: 'a' });
  for (const input of [child.stdout, child.stderr]) {
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => {
      if (line.startsWith('{')) return logged.write(`${line}\n`);
      if (/^\w/.test(line)) running.lastLine = line;
      return said.write(`${microseconds()} ${line}\n`);
    });
  }
  child.once('close', () => {
    said.end();
    logged.end();
  });
  return running;
};
