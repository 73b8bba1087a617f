/**
 * A keyed mutex: works with the same key run one at a time, in the order of arrival. For the writers of one secret it
 * avoids races within this process, which all but one would lose. It does not affect other processes, and it decides
 * nothing, because conditions do.
 */
export type KeyedMutex = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>;

export const createKeyedMutex = (): KeyedMutex => {
  const lastOf = new Map<string, Promise<void>>();
  return async (key, work) => {
    const before = lastOf.get(key);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    lastOf.set(key, over);
    try {
      await before;
      return await work();
    } finally {
      end();
      if (lastOf.get(key) === over) lastOf.delete(key);
    }
  };
};
