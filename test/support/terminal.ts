/** A pseudo-terminal in which a person runs a command, in the folder of the checkout. */
import { once } from 'node:events';
import { startProgram } from '../../host/process/supervisor.ts';
import { untilSeen } from './until.ts';

export type Terminal = {
  /** Everything that the terminal has shown so far. */
  readonly seen: () => string;
  /**
   * Waits until the terminal has shown a text that matches `pattern`. After 60 s, throws with
   * everything that it has shown.
   */
  readonly shows: (pattern: RegExp) => Promise<void>;
  /** From now on, types `text` whenever the terminal shows `prompt`. */
  readonly answer: (prompt: string, text: string) => void;
  /** Resolves with the exit code of the command. */
  readonly ended: Promise<number | null>;
  /** Presses Ctrl-C, and waits until the command has ended. */
  readonly interrupt: () => Promise<void>;
};

/** Runs a shell command in a new terminal. `settings` is added to PATH, HOME and TMPDIR. */
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
    answer: (prompt, text) => {
      child.stdout?.on('data', () => void (seen.endsWith(prompt) && child.stdin?.write(text)));
    },
    ended,
    interrupt: async () => {
      child.stdin?.write('\u0003');
      await ended;
    },
  };
};
