/**
 * All actions of the page that need more than the vault's API: its nodes, its log, and the programs of this
 * machine.
 */
import { type Checkout, type FindLocal, isCluster } from '../requests/local-vaults.ts';
import type { Client } from '../requests/vault-client.ts';
import { answerOf } from './action-answers.ts';
import { activityActions } from './activity-actions.ts';
import { clusterActions } from './cluster-actions.ts';
import type { LocalReply } from './page-documents.ts';
import type { Action } from './server.ts';
import { testWriteActions } from './test-write-actions.ts';

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

export const machineActions = (options: MachineOptions): ReadonlyMap<string, Action> => {
  const { addr, checkout, findLocal, clientOf, faults } = options;
  /** Tells the page where the vault runs, and what the console can do there. */
  const local: Action = () =>
    answerOf(async (): Promise<LocalReply> => {
      const vault = await findLocal();
      return {
        kind: vault?.name ?? null,
        addr,
        canChange: faults && isCluster(vault),
        canRead: vault?.nodes.some(({ log }) => log !== null) ?? false,
      };
    });
  return new Map([
    ['local', local],
    ...clusterActions({ addr, clientOf, findLocal, command: checkout.command, faults }),
    ...(faults ? testWriteActions({ findLocal, newToken: checkout.newToken }) : []),
    ...activityActions(findLocal),
  ]);
};
