/**
 * What the process that runs the functions (their home) provides: the store and the master key. A
 * deployed function has no home, and uses DynamoDB and KMS. The functions wire both when they are
 * loaded, so a home must call `useHome` first.
 */
import type { KeyService } from '../kms/key-service.ts';
import type { ItemsOf } from '../store/ports.ts';

type Home = { readonly itemsOf?: ItemsOf; readonly masterKey?: KeyService };

let home: Home = {};

/** Sets what the home provides, in addition to what earlier calls have set. */
export const useHome = (given: Home): void => {
  home = { ...home, ...given };
};

export const givenByHome = (): Home => home;
