/** Wires the edge to callers, once per cold start. Loads no AWS client. */
import { createEndpoint } from '../http/endpoint.ts';
import { localKeys, remoteKeys } from '../http/key-sets.ts';
import { createAuthenticate } from '../http/principal.ts';
import { readIdentityConfig } from './config.ts';
import { machineClock, newWriteId, openJournal } from './machine.ts';

const { issuer, audience, keySet } = readIdentityConfig();

export const endpoint = createEndpoint({
  authenticate: createAuthenticate({
    issuer,
    audience,
    keys: 'jwks' in keySet ? localKeys(keySet.jwks) : remoteKeys(keySet.url),
  }),
  clock: machineClock,
  newWriteId,
  openJournal,
});
