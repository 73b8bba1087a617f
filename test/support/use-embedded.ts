import { afterAll, beforeAll } from '@jest/globals';
import { type Embedded, startEmbedded } from './embedded.ts';
import type { StoreName } from './test-store.ts';
import { vaultOver } from './vault.ts';

/** What `find` returns when a property is asked for. */
const later = <Value extends object>(find: () => Value): Value =>
  new Proxy({} as Value, { get: (_, name) => Reflect.get(find(), name) });

/** Embedded parts for all tests of a file or a `describe`: they start before the tests and end after them. */
export const useEmbedded = (store?: StoreName): Embedded => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded(store);
  });
  afterAll(() => vault.close());
  return later(() => vault);
};

/** The operations of a vault that starts before the tests. */
export const askOf = (vault: Embedded): ReturnType<typeof vaultOver> =>
  later(() => vaultOver(vault.ports));
