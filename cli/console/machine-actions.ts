/** All actions of the page that need more than the vault's API: its nodes, its log, and the programs of this machine. */
import type { Client } from '../requests/vault-client.ts';
import { activityActions } from './activity-actions.ts';
import { clusterActions } from './cluster-actions.ts';
import { type Checkout, type FindLocal, localActions } from './local-vault.ts';
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
  return new Map([
    ...localActions({ addr, findLocal, faults }),
    ...clusterActions({ addr, clientOf, findLocal, command: checkout.command, faults }),
    ...(faults ? testWriteActions({ findLocal, newToken: checkout.newToken }) : []),
    ...activityActions(findLocal),
  ]);
};
