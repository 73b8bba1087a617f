/**
 * Whether this process would serve. A host can lose its store, so it sets a probe. A deployed function is
 * started for each request that has none, and always would.
 */
let probe: () => Promise<boolean> = async () => true;

/** From now on `next`, which must not reject, says whether the process would serve. */
export const useReadiness = (next: () => Promise<boolean>): void => {
  probe = next;
};

export const isReady = (): Promise<boolean> => probe();
