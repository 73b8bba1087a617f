/** The commands to a running cluster, as JSON. */
import * as v from 'valibot';
import { nodeNumbers } from '../../host/node/layout.ts';

/** The commands to a node, each with its effect in words. */
export const nodeChanges = {
  kill: 'ends a node at once (SIGKILL)',
  stop: 'ends a node in good order',
  start: 'starts a node that was ended',
  pause: 'lets a node stand still (SIGSTOP)',
  resume: 'lets a node that stands still go on',
  isolate: 'cuts a node off from the others',
  heal: 'joins a node that was cut off again',
  wipe: 'deletes the data of a node, if two whole copies stay',
} as const;
export const nodeActions = Object.keys(nodeChanges) as (keyof typeof nodeChanges)[];

const command = v.variant('action', [
  v.strictObject({ action: v.literal('status'), json: v.boolean() }),
  v.strictObject({
    action: v.picklist(nodeActions),
    target: v.picklist(nodeNumbers),
  }),
]);
export type Command = v.InferOutput<typeof command>;

/** Parses a command from JSON; throws if the text is not a command. */
export const parseCommand = (text: string): Command => v.parse(command, JSON.parse(text));
