/**
 * Writers of one secret in one process take turns, first come first served. It decides nothing, since
 * conditions do, and knows nothing of other processes: it only spares them races that they would lose.
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
