/** Parses the command line of `npm run bench`. */
import { newProgram } from '../host/process/program.ts';
import { usage } from '../system/failures.ts';
import { type Operation, operations } from './operations.ts';

type Peer = { readonly description: string; readonly urls: readonly string[] };

export type Options = {
  readonly command: 'one-node' | 'cluster';
  readonly operations: readonly Operation[];
  readonly clients: readonly number[];
  /** The time under load for each figure, in milliseconds. */
  readonly forMs: number;
  readonly json: string | undefined;
  readonly peer: Peer | undefined;
};
type Comparison = { readonly command: 'compare'; readonly files: readonly [string, string] };

const presets = {
  'one-node': { operations, clients: [1, 16], seconds: 2.4 },
  cluster: { operations: ['create', 'update', 'get'], clients: [16], seconds: 10 },
} as const;

const readCommand = (words: readonly string[]): Options['command'] => {
  const [word = 'one-node', ...more] = words;
  if (more.length === 0 && (word === 'one-node' || word === 'cluster')) return word;
  throw usage(`there is no measurement "${words.join(' ')}"`);
};

const readOperations = (text: string): readonly Operation[] =>
  text.split(',').map((word) => {
    const found = operations.find((operation) => operation === word);
    if (found !== undefined) return found;
    throw usage(`--operations knows ${operations.join(', ')}`);
  });

const readClients = (text: string): readonly number[] =>
  text.split(',').map((word) => {
    const clients = Number(word);
    if (/^\d+$/.test(word) && clients >= 1 && clients <= 64) return clients;
    throw usage('--clients takes numbers from 1 to 64, with commas between');
  });

const readSeconds = (text: string): number => {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 300) return seconds;
  throw usage('--seconds is a number up to 300');
};

const readPeer = (description: string | undefined, at: string | undefined): Peer | undefined => {
  if (description === undefined && at === undefined) return undefined;
  const urls = at?.split(',') ?? [];
  if (description !== undefined && urls.length > 0 && urls.every((url) => URL.canParse(url))) {
    return { description, urls };
  }
  throw usage('--peer FILE and --at URL (or URLs with commas between) go together');
};

/** Creates the program. The caller adds the action. */
export const newBench = () =>
  newProgram('npm run bench --', 'measures how fast the vault is and what an operation costs', [
    'npm run bench -- --operations get --clients 1,16',
    'npm run bench -- cluster --json after.json',
    'npm run bench -- --compare before.json after.json',
  ])
    .argument(
      '[words...]',
      'nothing: npm start; cluster: three nodes; with --compare the files of two reports',
    )
    .option('--operations <list>', `some of ${operations.join(',')}`)
    .option('--clients <list>', 'how many clients at once, from 1 to 64, with commas between')
    .option('--seconds <number>', 'how long each figure is measured')
    .option('--json <file>', 'write the report there, too')
    .option('--peer <file>', 'measure another store, which this file describes')
    .option('--at <urls>', 'where that store is; URLs with commas between for several nodes')
    .option('--compare', 'compare two reports');

type Flags = ReturnType<ReturnType<typeof newBench>['opts']>;

/**
 * Returns the parsed command line. Throws a user-facing error (exit code 2) for anything unknown.
 */
export const readOptions = (words: readonly string[], flags: Flags): Options | Comparison => {
  if (flags.compare) {
    const [a, b, ...more] = words;
    if (a !== undefined && b !== undefined && more.length === 0) {
      return { command: 'compare', files: [a, b] };
    }
    throw usage('--compare takes two files that --json has written');
  }
  const command = readCommand(words);
  const preset = presets[command];
  const { operations: named, clients, seconds, json } = flags;
  return {
    command,
    operations: named === undefined ? preset.operations : readOperations(named),
    clients: clients === undefined ? preset.clients : readClients(clients),
    forMs: 1000 * (seconds === undefined ? preset.seconds : readSeconds(seconds)),
    json,
    peer: readPeer(flags.peer, flags.at),
  };
};
