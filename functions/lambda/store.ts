/** Connects routes that need no master key to the table, once per cold start. */

import type { Route } from '../http/route.ts';
import { endpointParts } from '../runtime/endpoint.ts';
import { storePorts } from '../runtime/store.ts';
import type { StorePorts } from '../vault/request.ts';
import { type Handler, handlerOf } from './adapter.ts';

/** Makes the handler of a function whose route needs only the table. */
export const withStore = ({ serve }: Route<StorePorts>): Handler =>
  handlerOf(serve(endpointParts, storePorts));
