/** The commands to a cluster that runs, as they are typed and as they travel. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { failure, orUsage } from '../command.ts';

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

const usage = `use: npm run cluster                          starts a cluster and stays
     npm run cluster -- status [--json]
     npm run cluster -- ${processChanges.join('|')} 1|2|3|key
     npm run cluster -- ${nodeChanges.join('|')} 1|2|3
     npm run cluster -- --docker ...               the same of containers, started in the background
     npm run cluster -- --docker down [--data]     removes the containers, and their data if asked`;

/** A command that came as JSON; throws if it is none. */
export const parseCommand = (text: string): Command => v.parse(command, JSON.parse(text));

/** The command of these arguments; `undefined`: none, so start a cluster. Throws the usage. */
export const readCommand = (args: readonly string[]): Command | undefined => {
  const { values, positionals } = orUsage(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean' } },
    }),
  );
  if (positionals.length === 0 && values.json === undefined) return undefined;
  const [action, target, ...rest] = positionals;
  const asked = {
    action,
    ...(target !== undefined && { target: target === 'key' ? target : Number(target) }),
    ...(action === 'status' && { json: values.json ?? false }),
    ...(action !== 'status' && values.json !== undefined && { json: true }),
  };
  const { success, output } = v.safeParse(command, asked);
  if (success && rest.length === 0) return output;
  throw failure(usage, { exitCode: 2 });
};
