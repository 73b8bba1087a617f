import { problem, reply } from './http/responses.ts';
import type { OpenRoute } from './http/route.ts';
import { ApiError } from './model/errors.ts';

/** Says whether a vault can serve requests. `isReady` must not reject. */
export type Readiness = { readonly isReady: () => Promise<boolean> };

/**
 * GET /health: answers as soon as the vault runs, without calling any service (`GET /v1/status`
 * does). With `?ready`, answers whether the vault can serve requests. Such probes are frequent, so
 * only the first that finds it no longer ready is logged.
 */
export const getHealthRoute: OpenRoute<Readiness> = {
  operation: 'get-health',
  method: 'GET',
  path: '/health',
  scopes: [],
  serve: ({ clock, openJournal }, { isReady }) => {
    let wasReady = false;
    return async ({ requestId, gatewayRequestId, query }) => {
      const began = clock.elapsed();
      const isProbe = query.some(([name]) => name === 'ready');
      const error =
        isProbe && !(await isReady())
          ? new ApiError('store_unavailable', 'this process cannot serve requests now')
          : undefined;
      const result = error
        ? problem(error, requestId)
        : reply({ status: 200, body: { status: 'ok' } }, requestId);
      const isLogged = !isProbe || (wasReady && error);
      if (isProbe) wasReady = !error;
      if (isLogged) {
        await openJournal('get-health', requestId, gatewayRequestId).close({
          status: result.status,
          error,
          elapsedMs: clock.elapsed() - began,
        });
      }
      return result;
    };
  },
};
