/** An operation of the API as data: where it is, who may call it, and how it answers. */
import type { Clock, Operation } from '../vault/request.ts';
import { createEndpoint, type Endpoint, type EndpointParts } from './endpoint.ts';
import type { Handle } from './messages.ts';

/**
 * A route that needs `Needs` to run. What an operation may use is therefore in its type: a
 * `Route<StorePorts>` cannot call the master key.
 */
export type Route<Needs = never, Parts = EndpointParts> = Pick<
  Endpoint<unknown, unknown>,
  'operation' | 'method' | 'scopes'
> & {
  /** The path, with its parameters in braces: `/v1/secrets/{name}`. */
  readonly path: string;
  /** Makes the function that answers requests. What it remembers between them stays in it. */
  readonly serve: (parts: Parts, needs: Needs) => Handle;
};

/** A route that anyone may call, without a token. */
export type OpenRoute<Needs> = Route<
  Needs,
  Pick<EndpointParts, 'openJournal'> & { readonly clock: Pick<Clock, 'elapsed'> }
>;

type Definition<Request, Answer, Needs> = Pick<Route, 'path'> &
  Omit<Endpoint<Request, Answer>, 'run'> & {
    readonly run: (needs: Needs) => Operation<Request, Answer>;
  };

/** Makes the route of an operation that needs a token. */
export const route = <Request, Answer, Needs>(
  definition: Definition<Request, Answer, Needs>,
): Route<Needs> => {
  const { operation, method, path, scopes } = definition;
  return {
    ...{ operation, method, path, scopes },
    serve: (parts, needs) => createEndpoint(parts, { ...definition, run: definition.run(needs) }),
  };
};
