/** Finds out whether the vault of the console runs on this machine, started from the same checkout. */
import type { LocalVault } from '../cli/checkout.ts';
import { answerOf } from './answers.ts';
import type { LocalReply } from './replies.ts';
import type { Action } from './server.ts';

/** The console uses these programs of the checkout. */
export type Checkout = {
  /** Gives a command to the cluster; returns what it prints. Throws its refusal. */
  readonly command: (...words: readonly string[]) => Promise<string>;
  /** A token of this tenant for the vault of this name. */
  readonly newToken: (vault: string, tenant: string) => Promise<string>;
};

export type FindLocal = () => Promise<LocalVault | undefined>;

const loopback = ['localhost', '127.0.0.1', '[::1]'];

const placeOf = (url: string): string => {
  const { protocol, hostname, port } = new URL(url);
  return `${protocol}//${loopback.includes(hostname) ? 'loopback' : hostname}:${port}`;
};

/**
 * Returns a function that finds the vault. It looks only once, because the answer must not depend on which of its nodes
 * run at the moment.
 */
export const createFindLocal = (
  addr: string,
  findVaults: () => Promise<readonly LocalVault[]>,
): FindLocal => {
  let found: Promise<LocalVault | undefined> | undefined;
  const find = async () => {
    if (!loopback.includes(new URL(addr).hostname)) return undefined;
    const isHere = ({ nodes }: LocalVault) =>
      nodes.some(({ url }) => placeOf(url) === placeOf(addr));
    return (await findVaults()).find(isHere);
  };
  return () => {
    found ??= find().catch((error) => {
      found = undefined;
      throw error;
    });
    return found;
  };
};

const writable = ['start', 'cluster', 'docker'];

/** `local`: tells the page where the vault runs, and what the console can do there. */
export const localActions = (addr: string, findLocal: FindLocal): ReadonlyMap<string, Action> =>
  new Map<string, Action>([
    [
      'local',
      () =>
        answerOf(async (): Promise<LocalReply> => {
          const local = await findLocal();
          return {
            kind: local?.name ?? null,
            addr,
            canChange: local?.name === 'cluster',
            canRead: local?.nodes.some(({ log }) => log !== null) ?? false,
            canWrite: local !== undefined && writable.includes(local.name),
          };
        }),
    ],
  ]);
