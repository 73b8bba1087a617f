/** Wires the edge to callers, once per cold start. Loads no AWS client. */
import { createEndpoint } from '../http/endpoint.ts';
import { authenticate, startIdentity } from './identity.ts';
import { machineClock, newWriteId, openJournal } from './machine.ts';

startIdentity();

export const endpoint = createEndpoint({
  authenticate,
  clock: machineClock,
  newWriteId,
  openJournal,
});
