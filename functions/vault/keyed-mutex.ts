import { times } from '../model/limits.ts';
import { isNameVisible } from '../model/types.ts';
import type { Ports, StoreVault } from './request.ts';
import { outOfTime } from './retries.ts';

/**
 * A keyed mutex: work that shares a key runs one at a time, in the order of arrival. It keeps
 * writers of the same secret in this process from racing, since all but one would lose. It decides
 * nothing: writers in other processes still race, and the store's conditions settle that. Keys are
 * taken in sorted order, so two pieces of work never wait for each other.
 */
export const createKeyedMutex = () => {
  const lastOf = new Map<string, Promise<void>>();
  const takeAll = async <Result>(
    [key, ...others]: readonly string[],
    work: () => Promise<Result>,
  ): Promise<Result> => {
    if (key === undefined) return await work();
    const before = lastOf.get(key);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    lastOf.set(key, over);
    try {
      await before;
      return await takeAll(others, work);
    } finally {
      end();
      if (lastOf.get(key) === over) lastOf.delete(key);
    }
  };
  return <Result>(keys: readonly string[], work: () => Promise<Result>): Promise<Result> =>
    takeAll([...new Set(keys)].sort(), work);
};

export type KeyedMutex = ReturnType<typeof createKeyedMutex>;

/** The services of all operations. All that write to the same store must share `writers`. */
export type VaultPorts = Ports & {
  /** The queues in which the writers of the same secret wait. */
  readonly writers: KeyedMutex;
};

/**
 * Runs work in the queues of everyone who writes these secrets. A request for a hidden name waits
 * in a separate queue, because waiting behind callers who see the name would reveal that it exists.
 * Throws the error of `outOfTime` if too little time is left for a data key.
 */
export const inQueues = <Result>(
  vault: StoreVault,
  runExclusive: KeyedMutex,
  names: readonly string[],
  work: () => Promise<Result>,
): Promise<Result> => {
  const { tenant, names: visible } = vault.principal;
  const queues = names.map((name) => `${tenant}#${isNameVisible(visible, name)}#${name}`);
  return runExclusive(queues, async () => {
    if (vault.elapsed() >= times.kmsCallsUntilMs) throw outOfTime(vault);
    return await work();
  });
};
