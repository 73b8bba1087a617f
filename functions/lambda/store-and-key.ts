/** Connects routes to the table and the master key, once per cold start. */

import type { Route } from '../http/route.ts';
import { endpointParts } from '../runtime/endpoint.ts';
import { ports, writers } from '../runtime/vault.ts';
import type { VaultPorts } from '../vault/keyed-mutex.ts';
import { type Handler, handlerOf } from './adapter.ts';

/** Makes the handler of a function whose route needs the table and the master key. */
export const withStoreAndKey = ({ serve }: Route<VaultPorts>): Handler =>
  handlerOf(serve(endpointParts, { ...ports, writers }));
