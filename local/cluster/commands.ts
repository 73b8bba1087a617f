/** The commands to a running cluster, as a person types them and as JSON. */
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { type Asked, unknownWords } from '../host/program.ts';

const processChanges = ['kill', 'stop', 'start', 'pause', 'resume'] as const;
const nodeChanges = ['isolate', 'heal', 'wipe'] as const;
const nodeNumber = v.picklist([1, 2, 3]);

const command = v.variant('action', [
  v.strictObject({ action: v.literal('status'), json: v.boolean() }),
  v.strictObject({
    action: v.picklist(processChanges),
    target: v.union([nodeNumber, v.literal('key')]),
  }),
  v.strictObject({ action: v.picklist(nodeChanges), target: nodeNumber }),
]);
export type Command = v.InferOutput<typeof command>;

export const commandLine = {
  name: 'npm run cluster',
  does: 'runs three vault nodes on this machine, or changes those that run',
  forms: [
    ['', 'starts three nodes on ports 3001 to 3003, and runs until Ctrl-C'],
    ['status [--json]', 'shows the nodes side by side'],
    [`${processChanges.join('|')} 1|2|3|key`, 'does this to a node, or to the master key'],
    [
      `${nodeChanges.join('|')} 1|2|3`,
      'cuts a node off, joins it again, deletes its data if two whole copies stay',
    ],
    ['--docker …', 'does the same with containers, which it starts in the background'],
    ['--docker down [--data]', 'removes the containers, and with --data what they stored'],
  ],
  options: {
    docker: { does: 'the nodes are containers' },
    json: { does: 'print the status as one JSON document' },
    data: { does: 'with --docker down: remove the data, too' },
  },
  takesWords: true,
  examples: [
    'npm run cluster',
    'npm run -s cluster -- kill 2',
    'npm run -s cluster -- --docker status --json',
  ],
  installs: ['with --docker: images of Docker, pulled and built'],
} as const;
type AskedOfCluster = Asked<typeof commandLine.options>;

/** Parses a command from JSON; throws if the text is not a command. */
export const parseCommand = (text: string): Command => v.parse(command, JSON.parse(text));

/**
 * Reads the command from the command line; `undefined` means none, so the cluster is to be started. Throws a sentence
 * (exit code 2).
 */
export const readCommand = ({ words, options }: AskedOfCluster): Command | undefined => {
  if (options.data) throw failure('--data belongs to --docker down', { exitCode: 2 });
  const [action, target, ...rest] = words;
  if (action !== 'status' && options.json) {
    throw failure('--json belongs to status', { exitCode: 2 });
  }
  if (action === undefined) return undefined;
  const isChange = [...processChanges, ...nodeChanges].some((change) => change === action);
  if (isChange && target === undefined) throw unknownWords([], 'the number of the node');
  const asked = {
    action,
    ...(target !== undefined && { target: target === 'key' ? target : Number(target) }),
    ...(action === 'status' && { json: options.json ?? false }),
  };
  const { success, output } = v.safeParse(command, asked);
  if (success && rest.length === 0) return output;
  throw unknownWords(words);
};
