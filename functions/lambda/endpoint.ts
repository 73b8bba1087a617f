/**
 * Makes the part of a function that authenticates callers, once per cold start. Loads no AWS
 * client, so a function that needs neither table nor master key starts without one.
 */
import type { EndpointParts } from '../http/endpoint.ts';
import { createIdentity } from '../http/identity.ts';
import type { Route } from '../http/route.ts';
import { machineClock as clock, newWriteId } from '../runtime/clock.ts';
import { type Handler, handlerOf } from './adapter.ts';
import { readIdentity } from './config.ts';
import { log } from './log.ts';

const given = readIdentity();
const { authenticate, use, state } = createIdentity(clock);
use(given, 'issuers' in given ? 'bundle' : 'variables');

export const policyState = state;

const parts: EndpointParts = { authenticate, clock, newWriteId, openJournal: log.openJournal };

/** Makes the handler of a function from its route and what the route needs. */
export const onLambda = <Needs>({ serve }: Route<Needs>, needs: Needs): Handler =>
  handlerOf(serve(parts, needs));
