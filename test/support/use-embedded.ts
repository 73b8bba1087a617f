import { afterAll, beforeAll } from '@jest/globals';
import { type Embedded, startEmbedded } from './embedded.ts';
import type { StoreName } from './test-store.ts';
import { vaultOver } from './vault.ts';

/**
 * Stands in for a value that does not exist before the tests run: calls `find` for the value each
 * time one of its properties is read.
 */
const later = <Value extends object>(find: () => Value): Value =>
  new Proxy({} as Value, { get: (_, name) => Reflect.get(find(), name) });

/**
 * Starts embedded parts before all tests of a file or a `describe`, and ends them after the tests.
 */
export const useEmbedded = (store?: StoreName): Embedded => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded(store);
  });
  afterAll(() => vault.close());
  return later(() => vault);
};

/** Returns the operations of a vault that starts before the tests. */
export const askOf = (vault: Embedded): ReturnType<typeof vaultOver> =>
  later(() => vaultOver(vault.ports));
