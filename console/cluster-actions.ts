/** The actions of the page that concern the nodes: how they are, and for a cluster of this machine, what they do. */
import * as v from 'valibot';
import type { Client } from '../cli/client.ts';
import { isFailure } from '../cli/failures.ts';
import { answerOf, malformed } from './answers.ts';
import type { Checkout, FindLocal } from './local-vault.ts';
import type { NodeAnswer, Processes } from './replies.ts';
import type { Action } from './server.ts';

const change = v.strictObject({
  action: v.picklist(['kill', 'start', 'pause', 'resume', 'isolate', 'heal', 'wipe']),
  node: v.picklist([1, 2, 3]),
});

const processes = v.object({
  nodes: v.array(
    v.object({ node: v.number(), alive: v.boolean(), state: v.string(), isolated: v.boolean() }),
  ),
});

export type ClusterOptions = {
  /** The address of the profile. */
  readonly addr: string;
  /** A client of another node with the same token, which gives up soon. */
  readonly clientOf: (addr: string) => Client;
  readonly findLocal: FindLocal;
  readonly command: Checkout['command'];
};

/**
 * `nodes` asks every node of the vault that has an address here, so that the death of the node in the profile hides
 * nothing. `processes` and `change-node` belong to a cluster of this machine.
 */
export const clusterActions = (options: ClusterOptions): ReadonlyMap<string, Action> => {
  const { addr, clientOf, findLocal, command } = options;
  const askOne = async (url: string): Promise<NodeAnswer> => {
    try {
      return { addr: url, status: await clientOf(url)('get-status'), refusal: null };
    } catch (error) {
      if (!isFailure(error)) throw error;
      return { addr: url, status: null, refusal: error.report };
    }
  };
  return new Map<string, Action>([
    [
      'nodes',
      () =>
        answerOf(async () => {
          const urls = (await findLocal())?.nodes.map(({ url }) => url) ?? [addr];
          return { answers: await Promise.all(urls.map(askOne)) };
        }),
    ],
    [
      'processes',
      () =>
        answerOf(async (): Promise<Processes> => {
          return v.parse(processes, JSON.parse(await command('status', '--json')));
        }),
    ],
    [
      'change-node',
      async (given) => {
        const { success, output } = v.safeParse(change, given);
        if (!success || (await findLocal())?.name !== 'cluster') return malformed;
        return await answerOf(async () => ({
          said: await command(output.action, String(output.node)),
        }));
      },
    ],
  ]);
};
