/**
 * All actions of the page that need more than the vault's API: its nodes, its log, and the programs of this
 * machine.
 */
import { isCluster } from '../requests/local-vaults.ts';
import { answerOf } from './action-answers.ts';
import { activityActions } from './activity-actions.ts';
import { clusterActions, type MachineOptions } from './cluster-actions.ts';
import type { LocalReply } from './page-documents.ts';
import type { Action } from './server.ts';
import { testWriteActions } from './test-write-actions.ts';

export const machineActions = (options: MachineOptions): ReadonlyMap<string, Action> => {
  const { checkout, findLocal, faults } = options;
  /** Tells the page where the vault runs, and what the console can do there. */
  const local: Action = () =>
    answerOf(async (): Promise<LocalReply> => {
      const vault = await findLocal();
      return {
        kind: vault?.name ?? null,
        canChange: faults && isCluster(vault),
        canRead: vault?.nodes.some(({ log }) => log !== null) ?? false,
      };
    });
  return new Map([
    ['local', local],
    ...clusterActions(options),
    ...(faults ? testWriteActions({ findLocal, newToken: checkout.newToken }) : []),
    ...activityActions(findLocal),
  ]);
};
