/**
 * Makes the part of a function that takes requests, authenticates callers and answers them, once
 * per cold start. Loads no AWS client, so a function that needs neither store nor master key, such
 * as `whoami`, starts without one.
 */
import type { EndpointParts } from '../http/endpoint.ts';
import { machineClock, newWriteId } from './clock.ts';
import { authenticate, startIdentity } from './identity.ts';
import { openJournal } from './request-journal.ts';

startIdentity();

export const endpointParts: EndpointParts = {
  authenticate,
  clock: machineClock,
  newWriteId,
  openJournal,
};
