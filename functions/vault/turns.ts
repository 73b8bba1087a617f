/**
 * A keyed mutex: works with the same key run one at a time, in the order of arrival. For the writers of one secret it
 * avoids races within this process, which all but one would lose. It does not affect other processes, and it decides
 * nothing, because conditions do.
 */
export type InTurn = <Result>(of: string, work: () => Promise<Result>) => Promise<Result>;

export const createTurns = (): InTurn => {
  const lastOf = new Map<string, Promise<void>>();
  return async (of, work) => {
    const before = lastOf.get(of);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    lastOf.set(of, over);
    try {
      await before;
      return await work();
    } finally {
      end();
      if (lastOf.get(of) === over) lastOf.delete(of);
    }
  };
};
