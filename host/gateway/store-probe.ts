/**
 * Checks whether the vault of this process would serve, that is, whether its store answers. The
 * store of a node answers only while the node serves.
 */

import { useReadiness } from '../../functions/runtime/readiness.ts';
import { backgroundContext, type Clock, type StorePorts } from '../../functions/vault/request.ts';
import { createSharedProbe } from '../../functions/vault/shared-probe.ts';

const nobody = {
  ...{ tenant: '', subject: '', issuer: '', scopes: [], names: [], rule: undefined },
  expires: 0,
};

/**
 * Lets `GET /health?ready` ask the store of the functions, at most once a second. The master key is
 * not asked: if a proxy stopped sending requests to a vault because of its key, callers would no
 * longer be told what is wrong.
 */
export const startReadiness = ({ store }: Pick<StorePorts, 'store'>, clock: Clock): void => {
  const storeAnswers = (): Promise<boolean> =>
    store
      .for(backgroundContext(clock), nobody)
      .probe()
      .then(
        () => true,
        () => false,
      );
  useReadiness(createSharedProbe(clock, storeAnswers));
};
