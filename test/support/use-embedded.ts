import { afterAll, beforeAll } from '@jest/globals';
import { type Embedded, startEmbedded } from './embedded.ts';

/** Embedded parts for all tests of a file or a `describe`: they start before the tests and end after them. */
export const useEmbedded = (): Embedded => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());
  return new Proxy({} as Embedded, { get: (_, member) => Reflect.get(vault, member) });
};
