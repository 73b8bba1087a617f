/** All actions that need more than the vault's API: the nodes and the log on this machine. */
import { isFailure } from '../../system/failures.ts';
import type { FindLocal } from '../requests/local-vaults.ts';
import type { Client } from '../requests/vault-client.ts';
import { answerOf, reportFor } from './action-answers.ts';
import { activityActions } from './activity-actions.ts';
import { awaitAnswer } from './console-client.ts';
import type { LocalReply, NodeAnswer, NodesReply } from './page-documents.ts';
import type { Action, OnSilence } from './server.ts';

export type MachineOptions = {
  readonly addr: string;
  readonly findLocal: FindLocal;
  /**
   * Returns a client for the node at this address, with the token of the profile. It gives up soon
   * if the node is silent.
   */
  readonly clientOf: (addr: string) => Client;
};

/**
 * Returns these actions by name. `local` says where the vault runs. `nodes` asks every node that
 * has an address on this machine for its status, so the page still shows the cluster when the
 * profile's own node is dead. The other actions read the logs.
 */
export const machineActions = (options: MachineOptions): ReadonlyMap<string, Action> => {
  const { addr, clientOf, findLocal } = options;
  const local: Action = () =>
    answerOf(async (): Promise<LocalReply> => {
      const vault = await findLocal();
      return {
        kind: vault?.name ?? null,
        canRead: vault?.nodes.some(({ log }) => log !== null) ?? false,
      };
    });
  const askOne = async (url: string, onSilence: OnSilence): Promise<NodeAnswer> => {
    try {
      const answer = clientOf(url)('get-status');
      const status = await awaitAnswer(answer, url, findLocal, onSilence);
      return { addr: url, status, refusal: null };
    } catch (error) {
      if (!isFailure(error)) throw error;
      return { addr: url, status: null, refusal: reportFor(error) };
    }
  };
  const nodes: Action = (_given, _signal, onSilence) =>
    answerOf(async (): Promise<NodesReply> => {
      const urls = (await findLocal())?.nodes.map(({ url }) => url) ?? [addr];
      return { answers: await Promise.all(urls.map((url) => askOne(url, onSilence))) };
    });
  return new Map([['local', local], ['nodes', nodes], ...activityActions(findLocal)]);
};
