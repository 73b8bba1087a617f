/**
 * What the home of the functions hands over to them: the store and the master key of this process. A deployed function
 * has no home, and reaches DynamoDB and KMS. The functions wire both when they are loaded, so the home calls this before.
 */
import type { KeyService } from '../kms/key-service.ts';
import type { ItemsOf } from '../store/ports.ts';

type Home = { readonly itemsOf?: ItemsOf; readonly masterKey?: KeyService };

let home: Home = {};

/** From now on the functions use these, and what an earlier call gave. */
export const useHome = (given: Home): void => {
  home = { ...home, ...given };
};

export const givenByHome = (): Home => home;
