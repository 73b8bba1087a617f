/**
 * Checks whether the vault of this process would serve, that is, whether its store answers. The
 * store of a node answers only while the node serves.
 */

import { useReadiness } from '../../functions/runtime/readiness.ts';
import type { StorePorts } from '../../functions/vault/request.ts';
import {
  type Clock,
  createStopwatch,
  type RequestContext,
  silentJournal,
} from '../../functions/vault/request.ts';
import { createSharedProbe } from '../../functions/vault/shared-probe.ts';

const nobody = {
  ...{ tenant: '', subject: '', issuer: '', scopes: [], names: [], rule: undefined },
  expires: 0,
};

/**
 * Creates the context for the store call of a health check, which belongs to no caller's request.
 */
const contextOf = (clock: Clock): RequestContext => {
  const begun = clock.elapsed();
  return {
    ...{ requestId: '', now: clock.now(), writeId: '', clock, journal: silentJournal },
    elapsed: () => clock.elapsed() - begun,
    storeTime: createStopwatch(clock.elapsed),
  };
};

/**
 * Lets `GET /health?ready` ask the store of the functions, at most once a second. The master key is
 * not asked: if a proxy stopped sending requests to a vault because of its key, callers would no
 * longer be told what is wrong.
 */
export const startReadiness = ({ store }: Pick<StorePorts, 'store'>, clock: Clock): void => {
  const storeAnswers = (): Promise<boolean> =>
    store
      .for(contextOf(clock), nobody)
      .probe()
      .then(
        () => true,
        () => false,
      );
  useReadiness(createSharedProbe(clock, storeAnswers));
};
