import { times } from '../model/limits.ts';
import { isNameVisible } from '../model/types.ts';
import type { StoreVault } from './request.ts';
import { outOfTime } from './retries.ts';

/**
 * A keyed mutex: works with a key in common run one at a time, in the order of arrival. For the writers of one
 * secret it avoids races within this process, which all but one would lose. Writers in other processes still
 * race: the conditions of a write decide, and the mutex decides nothing. A work takes its keys in sorted order,
 * so that no two works wait for each other.
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

/**
 * Runs a work in the queues of those who write these secrets. A request for a hidden name does not wait for callers who
 * see the name: the wait would reveal it. Throws the error of `outOfTime` if the wait has left no time for a data key.
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
