/** Processes of a run, and what they print. */
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProgram } from '../../../local/process/supervisor.ts';
import { microseconds } from './history.ts';

export type Running = { readonly child: ChildProcess; lastLine: string };

/** A program of the repository, as a command. */
export const program = (file: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  file,
  ...args,
];

/** Runs the command with this environment and no other; its output goes to files of this name in the folder. */
export const startLogged = (
  folder: string,
  name: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Running => {
  const [file = '', ...args] = command;
  const child = startProgram(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = { child, lastLine: '' };
  // Its messages get times of the history's clock. The log of its functions, which is JSON, has a file of its own.
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
