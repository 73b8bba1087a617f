/**
 * Makes the part of a function that takes requests, authenticates callers and answers them, once
 * per cold start. Loads no AWS client.
 */
import { createEndpoint } from '../http/endpoint.ts';
import { machineClock, newWriteId } from './clock.ts';
import { authenticate, startIdentity } from './identity.ts';
import { openJournal } from './request-journal.ts';

startIdentity();

export const endpoint = createEndpoint({
  authenticate,
  clock: machineClock,
  newWriteId,
  openJournal,
});
