/** The commands to a running cluster, as a person types them and as JSON. */
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { type Asked, unknownWords } from '../process/program.ts';

const processChanges = ['kill', 'stop', 'start', 'pause', 'resume'] as const;
const nodeChanges = [...processChanges, 'isolate', 'heal', 'wipe'] as const;
const nodeNumber = v.picklist([1, 2, 3]);

const command = v.variant('action', [
  v.strictObject({ action: v.literal('status'), json: v.boolean() }),
  v.strictObject({ action: v.picklist(nodeChanges), target: nodeNumber }),
]);
export type Command = v.InferOutput<typeof command>;

export const commandLine = {
  name: 'npm run cluster',
  does: 'runs three vault nodes on this machine, or changes those that run',
  forms: [
    ['', 'starts three nodes on ports 3001 to 3003, and runs until Ctrl-C'],
    ['status [--json]', 'shows the nodes side by side'],
    [`${processChanges.join('|')} 1|2|3`, 'does this to a node'],
    [
      'isolate|heal|wipe 1|2|3',
      'cuts a node off, joins it again, deletes its data if two whole copies stay',
    ],
    ['init FOLDER [options]', 'makes what nodes on several machines share, and keeps what exists'],
  ],
  options: {
    json: { does: 'print the status as one JSON document' },
    nodes: {
      value: 'HOST,HOST,HOST',
      does: 'init: the nodes, each also as HOST:ETCD_PORT:PEER_PORT',
    },
    kms: { value: 'ARN', does: 'init: the master key is this one of a KMS, and not a file' },
    renew: { does: 'init: make a new certificate under the same authority' },
    'new-authority': { does: 'init: make a new authority, because the old one leaked' },
    'new-cluster': { does: 'init: begin a new cluster with the same vault, for a restore' },
    copy: { value: 'DIR', does: 'init: put what a node needs into this folder' },
    check: {
      value: 'FILE',
      does: 'init: say whether the file is the master key, and change nothing',
    },
  },
  takesWords: true,
  examples: [
    'npm run cluster',
    'npm run -s cluster -- kill 2',
    'npm run -s cluster -- init ./vault-cluster --nodes 10.0.0.1,10.0.0.2,10.0.0.3',
  ],
} as const;
type AskedOfCluster = Asked<typeof commandLine.options>;
export type ClusterOptions = AskedOfCluster['options'];

/** Parses a command from JSON; throws if the text is not a command. */
export const parseCommand = (text: string): Command => v.parse(command, JSON.parse(text));

/**
 * Reads the command from the command line; `undefined` means none, so the cluster is to be started. Throws a sentence
 * (exit code 2).
 */
export const readCommand = ({ words, options }: AskedOfCluster): Command | undefined => {
  const ofInit = Object.keys(options).find((name) => name !== 'json');
  if (ofInit !== undefined) throw failure(`--${ofInit} belongs to init`, { exitCode: 2 });
  const [action, target, ...rest] = words;
  if (action !== 'status' && options.json) {
    throw failure('--json belongs to status', { exitCode: 2 });
  }
  if (action === undefined) return undefined;
  const isChange = [...processChanges, ...nodeChanges].some((change) => change === action);
  if (isChange && target === undefined) throw unknownWords([], 'the number of the node');
  const asked = {
    action,
    ...(target !== undefined && { target: Number(target) }),
    ...(action === 'status' && { json: options.json ?? false }),
  };
  const { success, output } = v.safeParse(command, asked);
  if (success && rest.length === 0) return output;
  throw unknownWords(words);
};
