/**
 * The real binary `cli/dsvault.js` as a child process, in a pseudo-terminal if needed. During each run the command
 * lines of the process and of all that it starts are recorded, so that a test can ask where a value was visible.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { freshFolder } from './local-process.ts';

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
  /** Settles once stdout and stderr together contain the text. */
  readonly prints: (text: string) => Promise<void>;
  readonly type: (text: string) => void;
  readonly ran: Promise<Ran>;
};

export type Dsvault = {
  /** Runs to the end. */
  readonly run: (args: readonly string[], how?: How) => Promise<Ran>;
  readonly start: (args: readonly string[], how?: How) => Started;
  /** The folder of this caller, in which `dsvault` runs. */
  readonly folder: string;
  /** The command lines and messages (stderr) of all runs so far that contain the text. */
  readonly seenIn: (text: string) => readonly string[];
};

type How = {
  /** The program to run instead of `dsvault`. */
  readonly program?: string;
  /** The content of stdin, empty by default. `open`: stdin stays open for typing. */
  readonly input?: string | Uint8Array;
  readonly open?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Runs in a pseudo-terminal, whose whole output is in `stdout`. */
  readonly terminal?: boolean;
  /** The width of that terminal. */
  readonly columns?: number;
};

type Process = { readonly parent: string; readonly line: string };

const processIds = (): string[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));

/**
 * The command lines of a process and of all that it has started, without `others`, which cannot be among them. A process
 * may end while it is read.
 */
export const commandLines = (
  root: number | undefined,
  others: ReadonlySet<string> = new Set(),
): string[] => {
  const processes = new Map<string, Process>();
  for (const pid of processIds().filter((one) => !others.has(one))) {
    try {
      // The name in parentheses may hold anything; the state and the parent come after it.
      const [, parent = ''] =
        /.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      processes.set(pid, { parent, line });
    } catch {
      // It has ended.
    }
  }
  const isBelow = (pid: string): boolean => {
    const { parent } = processes.get(pid) ?? {};
    return pid === String(root) || (parent !== undefined && isBelow(parent));
  };
  return [...processes].filter(([pid]) => isBelow(pid)).map(([, { line }]) => line);
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The shell command for the terminal, which sets the width first, because `script` cannot. */
const inTerminal = (command: readonly string[], columns: number | undefined): string =>
  `${columns === undefined ? '' : `stty cols ${columns}; `}exec ${command.map(quoted).join(' ')}`;

/** `dsvault` for a caller with this environment, in a folder and a home of its own. */
export const openDsvault = (settings: NodeJS.ProcessEnv): Dsvault => {
  const folder = freshFolder();
  const seen = new Set<string>();
  const start = (args: readonly string[], how: How = {}): Started => {
    const { PATH } = process.env;
    const env = { PATH, HOME: folder, ...settings, ...how.env };
    const whole = [how.program ?? program, ...args];
    const [file = '', ...rest] = how.terminal
      ? ['script', '-qec', inTerminal(whole, how.columns), '/dev/null']
      : whole;
    // What runs already is not below the child. Reading it every 20 ms would be most of the work of a scan.
    const others = new Set(processIds());
    const child = spawn(file, rest, { cwd: folder, env });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => errors.push(chunk));
    for (const stream of [child.stdout, child.stderr]) stream.setMaxListeners(0);
    // A command without input may end before it gets any.
    child.stdin.on('error', () => undefined);
    if (how.input !== undefined) child.stdin.write(how.input);
    if (!how.open) child.stdin.end();
    const scan = setInterval(() => {
      for (const line of commandLines(child.pid, others)) seen.add(line);
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
