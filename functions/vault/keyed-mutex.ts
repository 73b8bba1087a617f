/**
 * A keyed mutex: works with the same key run one at a time, in the order of arrival. For the writers of one
 * secret it avoids races within this process, which all but one would lose. Other processes race on:
 * conditions decide, and the mutex decides nothing.
 */
export const createKeyedMutex = () => {
  const lastOf = new Map<string, Promise<void>>();
  return async <Result>(key: string, work: () => Promise<Result>): Promise<Result> => {
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
