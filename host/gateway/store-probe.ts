/**
 * Checks whether the vault of this process would serve, that is, whether its store answers. The
 * store of a node answers only while the node serves.
 */

import type { Readiness } from '../../functions/get-health.ts';
import { backgroundContext, type Clock, type StorePorts } from '../../functions/vault/request.ts';
import { createSharedProbe } from '../../functions/vault/shared-probe.ts';

const nobody = {
  ...{ tenant: '', subject: '', issuer: '', scopes: [], names: [], rule: undefined },
  expires: 0,
};

/**
 * Creates what `GET /health?ready` asks: whether the store answers, which is asked at most once a
 * second. The master key is not asked: if a proxy stopped sending requests to a vault because of
 * its key, callers would no longer be told what is wrong.
 */
export const createReadiness = (
  { store }: Pick<StorePorts, 'store'>,
  clock: Clock,
): Readiness['isReady'] =>
  createSharedProbe(clock, () =>
    store
      .for(backgroundContext(clock), nobody)
      .probe()
      .then(
        () => true,
        () => false,
      ),
  );
