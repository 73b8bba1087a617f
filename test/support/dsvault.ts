/**
 * Runs the real `cli/dsvault.js` as a child process, in a pseudo-terminal if needed. While it runs,
 * the command lines of the process and of everything it starts are recorded, so that a test can ask
 * where a value was visible. What still runs when a test ends is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { endAfterTest, treeOf } from './left-processes.ts';
import { compileCache, freshFolder } from './local-process.ts';

const program = resolve('cli/dsvault.js');
const scanEveryMs = 20;

type Ran = {
  readonly code: number | null;
  readonly stdout: string;
  /** The exact bytes of stdout. */
  readonly bytes: Buffer;
  readonly stderr: string;
};

type Started = {
  readonly child: ChildProcess;
  /**
   * Resolves once stdout and stderr together contain the text. Rejects if the process ends first.
   */
  readonly prints: (text: string) => Promise<void>;
  readonly type: (text: string) => void;
  readonly ran: Promise<Ran>;
};

export type Dsvault = {
  /** Runs a command to its end. */
  readonly run: (args: readonly string[], how?: How) => Promise<Ran>;
  readonly start: (args: readonly string[], how?: How) => Started;
  /** The folder in which `dsvault` runs, which is also this caller's home. */
  readonly folder: string;
  /** Returns the command lines and the stderr outputs of all runs so far that contain the text. */
  readonly seenIn: (text: string) => readonly string[];
};

type How = {
  /** The program to run instead of `dsvault`. */
  readonly program?: string;
  /** The content of stdin, empty by default. With `open`, stdin stays open for typing. */
  readonly input?: string | Uint8Array;
  readonly open?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Runs in a pseudo-terminal. Everything that it shows is then in `stdout`. */
  readonly terminal?: boolean;
  readonly columns?: number;
};

/**
 * Returns the command lines of a process and of everything it has started. Skips a process that
 * ends meanwhile.
 */
export const commandLines = (root: number | undefined): string[] =>
  treeOf(root).flatMap((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return [];
    }
  });

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Returns the shell command that runs `command` in a pseudo-terminal. It first sets the width of
 * the terminal, because the program `script` cannot.
 */
const inTerminal = (command: readonly string[], columns: number | undefined): string =>
  `${columns === undefined ? '' : `stty cols ${columns}; `}exec ${command.map(quoted).join(' ')}`;

/** Makes a `dsvault` for a caller with this environment, in a new folder that is also its home. */
export const openDsvault = (settings: NodeJS.ProcessEnv): Dsvault => {
  const folder = freshFolder();
  const seen = new Set<string>();
  const start = (args: readonly string[], how: How = {}): Started => {
    const { PATH } = process.env;
    const env = { PATH, HOME: folder, ...compileCache, ...settings, ...how.env };
    const whole = [how.program ?? program, ...args];
    const [file = '', ...rest] = how.terminal
      ? ['script', '-qec', inTerminal(whole, how.columns), '/dev/null']
      : whole;
    const child = spawn(file, rest, { cwd: folder, env });
    endAfterTest(child);
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => errors.push(chunk));
    for (const stream of [child.stdout, child.stderr]) stream.setMaxListeners(0);
    // A command that does not read its stdin may end before the input is written.
    child.stdin.on('error', () => undefined);
    if (how.input !== undefined) child.stdin.write(how.input);
    if (!how.open) child.stdin.end();
    const scan = setInterval(() => {
      for (const line of commandLines(child.pid)) seen.add(line);
    }, scanEveryMs);
    const ran = once(child, 'close').then(([code]): Ran => {
      clearInterval(scan);
      const bytes = Buffer.concat(output);
      const stderr = Buffer.concat(errors).toString();
      seen.add(stderr);
      return { code: code as number | null, stdout: bytes.toString(), bytes, stderr };
    });
    const printed = () => Buffer.concat([...output, ...errors]);
    const prints = (text: string): Promise<void> =>
      new Promise((settle, fail) => {
        const look = () => void (printed().includes(text) && settle());
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        void ran.then(() => fail(new Error(`ended without printing ${text}: ${printed()}`)));
        look();
      });
    return { child, prints, type: (text) => void child.stdin.write(text), ran };
  };
  return {
    run: (args, how) => start(args, how).ran,
    start,
    folder,
    seenIn: (text) => [...seen].filter((line) => line.includes(text)),
  };
};
