/** Wires the edge to callers, once per cold start. Loads no AWS client. */
import { randomBytes } from 'node:crypto';
import { createEndpoint } from '../http/endpoint.ts';
import { localKeys, remoteKeys } from '../http/key-sets.ts';
import { createAuthenticate } from '../http/principal.ts';
import { machineClock } from './clock.ts';
import { readIdentityConfig } from './config.ts';
import { openJournal } from './logger.ts';

const { issuer, audience, keySet } = readIdentityConfig();

export const endpoint = createEndpoint({
  authenticate: createAuthenticate({
    issuer,
    audience,
    keys: 'jwks' in keySet ? localKeys(keySet.jwks) : remoteKeys(keySet.url),
  }),
  clock: machineClock,
  newWriteId: () => randomBytes(16).toString('base64url'),
  openJournal,
});
