/** The vault as a value. Two of them in one process share nothing. */
import type { EndpointParts } from './http/endpoint.ts';
import { createFindRoute, type RouteFinder } from './http/find-route.ts';
import type { Handle, HttpReply, HttpRequest, PathParameters } from './http/messages.ts';
import { problem } from './http/responses.ts';
import type { Route } from './http/route.ts';
import { createTimeLimit } from './http/time-limit.ts';
import { ApiError } from './model/errors.ts';
import { times } from './model/limits.ts';

export type ApiParts<Needs> = EndpointParts & {
  /** What the operations use. */
  readonly needs: Needs;
  /**
   * Receives one line for each operation that failed. The line never contains the error's message,
   * which may quote a request.
   */
  readonly report: (line: string) => void;
};

type ApiRoute = Pick<Route, 'operation' | 'method' | 'path'>;

export type Api = {
  /** Finds the route of a request. Every route for GET takes HEAD, too. */
  readonly find: RouteFinder<ApiRoute>;
  /**
   * Answers a request for a route that `find` returned. Never rejects. If an operation throws, or
   * gives no answer for `times.noAnswerMs`, it is unknown whether it has written, and the answer is
   * `outcome_unknown`.
   */
  readonly handle: (
    found: { readonly route: ApiRoute; readonly parameters: PathParameters },
    request: HttpRequest,
  ) => Promise<HttpReply>;
};

/** Connects the routes to their parts. */
export const createApi = <Needs>(routes: readonly Route<Needs>[], parts: ApiParts<Needs>): Api => {
  const { needs, report, clock } = parts;
  const withTimeLimit = createTimeLimit(clock, times.noAnswerMs);
  const handles = new Map(
    routes.map((route): [ApiRoute, Handle] => [route, route.serve(parts, needs)]),
  );
  return {
    find: createFindRoute<ApiRoute>(routes),
    handle: async ({ route, parameters }, request) => {
      const { operation } = route;
      try {
        const handle = handles.get(route);
        if (handle === undefined) throw new Error(`${operation} is not a route of this vault`);
        return await withTimeLimit(handle(request, parameters));
      } catch (error) {
        const { requestId } = request;
        report(`the operation ${operation} failed (${requestId}): ${describeError(error)}`);
        const unknown = new ApiError('outcome_unknown', 'the operation gave no answer');
        return problem(unknown, requestId, request);
      }
    },
  };
};

const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return 'threw something that is not an Error';
  const [, ...frames] = (error.stack ?? '').split(/\n\s+at /);
  return [error.name, ...frames.slice(0, 5)].join(' at ');
};
