/**
 * Whether this process can serve requests. A host can lose its store, so it sets a probe. A
 * deployed function is always ready, because Lambda starts another instance whenever all are busy.
 */
let probe: () => Promise<boolean> = async () => true;

/** Sets the function that checks whether this process can serve requests. It must not reject. */
export const useReadiness = (next: () => Promise<boolean>): void => {
  probe = next;
};

export const isReady = (): Promise<boolean> => probe();
