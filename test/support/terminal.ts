/** A pseudo-terminal in which a person runs a command in the folder of the checkout. */
import { once } from 'node:events';
import { startProgram } from '../../local/process/supervisor.ts';
import { untilSeen } from './until.ts';

export type Terminal = {
  /** All that the terminal shows by now. */
  readonly seen: () => string;
  /** Waits until the terminal shows this. Throws with all that it shows if it does not within 60 s. */
  readonly shows: (pattern: RegExp) => Promise<void>;
  /** The exit code of the command. */
  readonly ended: Promise<number | null>;
  /** Presses Ctrl-C, and waits until the command has ended. */
  readonly interrupt: () => Promise<void>;
};

/** Opens a terminal in which the command of the shell runs, with these variables and the usual ones. */
export const openTerminal = (command: string, settings: NodeJS.ProcessEnv): Terminal => {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, ...settings };
  const child = startProgram('script', ['-qec', command, '/dev/null'], { env, stdio: 'pipe' });
  let seen = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const shown = () => seen.replaceAll('\r\n', '\n');
  return {
    seen: shown,
    shows: async (pattern) => void (await untilSeen(shown, (text) => pattern.test(text), 60_000)),
    ended,
    interrupt: async () => {
      child.stdin?.write('\u0003');
      await ended;
    },
  };
};
