/** Connects routes that need a token, but no service, once per cold start. */

import type { Route } from '../http/route.ts';
import { endpointParts } from '../runtime/endpoint.ts';
import { type Handler, handlerOf } from './adapter.ts';

/** Makes the handler of a function whose route needs only the caller's token. */
export const withToken = ({ serve }: Route<undefined>): Handler =>
  handlerOf(serve(endpointParts, undefined));
