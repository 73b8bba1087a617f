/**
 * Whether this process would serve. A host can lose its store, so the host sets a probe. Lambda starts a function for each
 * request that finds none free, so a deployed function is always ready.
 */
let probe: () => Promise<boolean> = async () => true;

/** From now on `next`, which must not reject, says whether the process would serve. */
export const useReadiness = (next: () => Promise<boolean>): void => {
  probe = next;
};

export const isReady = (): Promise<boolean> => probe();
