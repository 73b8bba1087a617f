/**
 * Runs a vault under strace, and reads what it wrote to the files of its data folder and to its
 * callers.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startProgram } from '../../../host/process/supervisor.ts';
import { compileCache, type LocalProcess, recorded } from '../local-process.ts';

/**
 * Every call that changes files. Calls that the vault does not make today are traced as well, so
 * that a test notices when it makes one.
 */
const traced = [
  ...['openat', 'open', 'creat', 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  ...['ftruncate', 'truncate', 'fallocate', 'copy_file_range', 'sendfile', 'sync_file_range'],
  ...['fsync', 'fdatasync', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink'],
  ...['symlinkat', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir'],
];

/**
 * How syncs of the log behave. `slow`: each takes 3 ms longer, so that commits stay unsynced for a
 * while. `deadly`: the vault dies by `kill -9` at the 12th sync of a thread, when a commit is in
 * the log but not yet on the disk. `failing`: that sync fails instead, and the vault ends.
 */
export type Syncs = 'slow' | 'deadly' | 'failing';
const injected = {
  slow: 'delay_enter=3000',
  deadly: 'signal=KILL:when=12',
  failing: 'error=EIO:when=12',
};

/**
 * Starts `npm start` under strace, which writes its trace to this file. `exit` resolves when both
 * have ended.
 */
export const startTraced = (env: NodeJS.ProcessEnv, trace: string, syncs: Syncs): LocalProcess => {
  const { PATH, HOME } = process.env;
  const options = ['-f', '-y', '-xx', '-s', '16777216', '-o', trace];
  const calls = ['-e', `trace=${traced.join()}`, '-e', `inject=fdatasync:${injected[syncs]}`];
  const program = [process.execPath, 'host/bin/start.ts'];
  const child = startProgram('strace', [...options, ...calls, ...program], {
    // With io_uring, libuv writes without any call that strace can see.
    env: { PATH, HOME, ...compileCache, UV_USE_IO_URING: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return recorded(child);
};

/** Returns the pid of the vault, the child of strace. strace does not forward signals. */
export const pidBelow = ({ child: { pid } }: LocalProcess): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());

/** A system call, and the lines of the trace at which it began and returned. */
export type Call = {
  readonly name: string;
  readonly args: readonly string[];
  /** What the call returned, as strace prints it. `undefined` if the program died before that. */
  readonly result: string | undefined;
  readonly begin: number;
  readonly end: number | undefined;
};

const began = /^(\d+) +(\w+)\((.*)$/;
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/;
const unfinished = ' <unfinished ...>';

/**
 * Parses a call from the text after its name. strace prints quoted text in hexadecimal, so it
 * contains no comma and no parenthesis.
 */
const callOf = (name: string, text: string, begin: number, end: number): Call => {
  const at = text.search(/\) +=/);
  const result = /= (-?\d\S*)/.exec(text.slice(at))?.[1];
  const args = text.slice(0, at).split(', ');
  return { name, args, result, begin, end: result === undefined ? undefined : end };
};

/**
 * Returns the calls of a trace in the order in which they began, including those that the end of
 * the program cut off.
 */
export const readTrace = async (file: string): Promise<readonly Call[]> => {
  const calls: Call[] = [];
  const open = new Map<string, { readonly name: string; readonly text: string; begin: number }>();
  let line = 0;
  const lines = createInterface({ input: createReadStream(file, 'latin1') });
  for await (const text of lines) {
    line += 1;
    const [, pid = '', name, rest = ''] = began.exec(text) ?? resumed.exec(text) ?? [];
    if (name === undefined) continue;
    const before = open.get(pid);
    open.delete(pid);
    if (rest.endsWith(unfinished)) {
      open.set(pid, { name, text: rest.slice(0, -unfinished.length), begin: line });
    } else if (before) calls.push(callOf(name, before.text + rest, before.begin, line));
    else calls.push(callOf(name, rest, line, line));
  }
  for (const { name, text, begin } of open.values()) {
    calls.push({ name, args: text.split(', '), result: undefined, begin, end: undefined });
  }
  return calls.sort((a, b) => a.begin - b.begin);
};

/** Returns the bytes of all quoted or bracketed texts in an argument. */
export const bytesOf = (text: string): Buffer =>
  Buffer.from([...text.matchAll(/\\x([0-9a-f]{2})/g)].map(([, hex]) => hex).join(''), 'hex');
