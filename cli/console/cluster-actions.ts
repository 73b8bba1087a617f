/** The actions of the page that ask the nodes how they are and, in a cluster of this machine, change them. */
import * as v from 'valibot';
import { isFailure } from '../../system/failures.ts';
import { type Checkout, type FindLocal, isCluster } from '../requests/local-vaults.ts';
import type { Client } from '../requests/vault-client.ts';
import { actionFor, answerOf, malformed } from './action-answers.ts';
import { awaitAnswer } from './console-client.ts';
import { type NodeAnswer, type NodesReply, nodeChanges, type Processes } from './page-documents.ts';
import type { Action, OnSilence } from './server.ts';

const change = v.strictObject({
  action: v.picklist(nodeChanges),
  node: v.picklist([1, 2, 3]),
});

const processes = v.object({
  nodes: v.array(
    v.object({ node: v.number(), alive: v.boolean(), state: v.string(), isolated: v.boolean() }),
  ),
});

export type MachineOptions = {
  /** The address of the profile. */
  readonly addr: string;
  readonly checkout: Checkout;
  readonly findLocal: FindLocal;
  /** A client of a node with the token of the profile, which gives up soon. */
  readonly clientOf: (addr: string) => Client;
  /** Whether the person has asked for the actions that hurt nodes, and for test writes. */
  readonly faults: boolean;
};

/** The time between two looks, because a look starts a process. */
const lookAgainAfterMs = 2_000;

/**
 * Returns `lastSeen`, the processes of the cluster as they were seen last, which never waits. `lastSeen`
 * looks again when the answers of the nodes have changed, and every 2 s while a node does not serve: a node
 * that somebody else starts does not answer for a while.
 */
const createLook = (command: Checkout['command']) => {
  let processesSeen: Processes | null = null;
  let lastStates = '';
  let lookAgainAt = 0;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      processesSeen = v.parse(processes, JSON.parse(await command('status', '--json')));
    } catch {
      // The cluster has ended, which the missing answers of its nodes show.
    } finally {
      lookAgainAt = performance.now() + lookAgainAfterMs;
      looking = undefined;
    }
  };
  const lookNow = (): Promise<void> => (looking ??= look());
  return {
    lookNow,
    lastSeen: (answers: readonly NodeAnswer[]): Processes | null => {
      const own = answers.map(({ status }) => ownState(status));
      const isSettled = own.every((state) => state === 'serving');
      const isOld = !(isSettled && processesSeen) && performance.now() >= lookAgainAt;
      if (isOld || own.join() !== lastStates) void lookNow();
      lastStates = own.join();
      return processesSeen;
    },
  };
};

const ownState = (status: NodeAnswer['status']): string | undefined =>
  status?.node?.nodes.find(({ node }) => node === status.node?.node)?.state;

/**
 * `nodes` asks every node of the vault that has an address here, so that the death of the node in the profile
 * hides nothing. `change-node` is for a cluster of this machine, and only with `faults`.
 */
export const clusterActions = (options: MachineOptions): ReadonlyMap<string, Action> => {
  const { addr, clientOf, findLocal, faults } = options;
  const { command } = options.checkout;
  const { lookNow, lastSeen } = createLook(command);
  const askOne = async (url: string, onSilence: OnSilence): Promise<NodeAnswer> => {
    try {
      const answer = clientOf(url)('get-status');
      const status = await awaitAnswer(answer, url, findLocal, onSilence);
      return { addr: url, status, refusal: null };
    } catch (error) {
      if (!isFailure(error)) throw error;
      return { addr: url, status: null, refusal: error.report };
    }
  };
  const nodes: Action = (_given, _signal, onSilence) =>
    answerOf(async (): Promise<NodesReply> => {
      const local = await findLocal();
      const urls = local?.nodes.map(({ url }) => url) ?? [addr];
      const answers = await Promise.all(urls.map((url) => askOne(url, onSilence)));
      return { answers, processes: isCluster(local) ? lastSeen(answers) : null };
    });
  const changeNode = actionFor(change, async ({ action, node }) => {
    if (!isCluster(await findLocal())) return malformed;
    return await answerOf(async () => {
      const said = await command(action, String(node));
      await lookNow();
      return { said };
    });
  });
  return new Map([['nodes', nodes], ...(faults ? [['change-node', changeNode] as const] : [])]);
};
