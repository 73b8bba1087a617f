/** Whether the vault of this process would serve: its store answers. That of a node answers only while the node serves. */

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

/** The context of a question that no caller asked. */
const contextOf = (clock: Clock): RequestContext => {
  const begun = clock.elapsed();
  return {
    ...{ requestId: '', now: clock.now(), writeId: '', clock, journal: silentJournal },
    elapsed: () => clock.elapsed() - begun,
    storeTime: createStopwatch(clock.elapsed),
  };
};

/**
 * Lets `GET /health?ready` ask the store of the functions, at most once a second. The master key is not asked: a proxy
 * that took the vault away for it would hide what is wrong.
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
