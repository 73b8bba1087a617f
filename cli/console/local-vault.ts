/** Finds out whether the vault of the console runs on this machine, started from the same checkout. */

import { isLoopback } from '../../system/address.ts';
import type { LocalVault } from '../requests/local-vaults.ts';
import { answerOf } from './action-answers.ts';
import type { LocalReply } from './page-documents.ts';
import type { Action } from './server.ts';

/** The console uses these programs of the checkout. */
export type Checkout = {
  /** Gives a command to the cluster; returns what it prints. Throws its refusal. */
  readonly command: (...words: readonly string[]) => Promise<string>;
  /** A token of this tenant for the vault of this name. */
  readonly newToken: (vault: string, tenant: string) => Promise<string>;
};

export type FindLocal = () => Promise<LocalVault | undefined>;

/** Where an address leads: the names of this machine are one place. */
export const placeOf = (addr: string): string => {
  const url = new URL(addr);
  return `${url.protocol}//${isLoopback(url) ? 'loopback' : url.hostname}:${url.port}`;
};

/** Each search starts a process. */
const lookAgainAfterMs = 10_000;

/**
 * Returns a function that finds the vault. A vault that was found stays, because the answer must not depend on which of
 * its nodes run at the moment. A vault that was not found may be started later. `now` returns milliseconds of a clock
 * that does not jump.
 */
export const createFindLocal = (
  addr: string,
  findVaults: () => Promise<readonly LocalVault[]>,
  now: () => number = () => performance.now(),
): FindLocal => {
  let search: Promise<LocalVault | undefined> | undefined;
  let searchAgainAt = Number.POSITIVE_INFINITY;
  const find = async () => {
    if (!isLoopback(new URL(addr))) return undefined;
    const isHere = ({ nodes }: LocalVault) =>
      nodes.some(({ url }) => placeOf(url) === placeOf(addr));
    let found: LocalVault | undefined;
    try {
      found = (await findVaults()).find(isHere);
      return found;
    } finally {
      if (found === undefined) searchAgainAt = now() + lookAgainAfterMs;
    }
  };
  return () => {
    if (search === undefined || now() >= searchAgainAt) {
      searchAgainAt = Number.POSITIVE_INFINITY;
      search = find();
    }
    return search;
  };
};

/** Whether it is a cluster that `npm run cluster` has started on this machine. */
export const isCluster = (local: LocalVault | undefined): boolean => local?.name === 'cluster';

type LocalOptions = {
  readonly addr: string;
  readonly findLocal: FindLocal;
  readonly faults: boolean;
};

/** `local`: tells the page where the vault runs, and what the console can do there. */
export const localActions = ({
  addr,
  findLocal,
  faults,
}: LocalOptions): ReadonlyMap<string, Action> =>
  new Map<string, Action>([
    [
      'local',
      () =>
        answerOf(async (): Promise<LocalReply> => {
          const local = await findLocal();
          return {
            kind: local?.name ?? null,
            addr,
            canChange: faults && isCluster(local),
            canRead: local?.nodes.some(({ log }) => log !== null) ?? false,
          };
        }),
    ],
  ]);
