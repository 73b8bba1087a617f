import manifest from '../../package.json' with { type: 'json' };
import { getStatusRoute } from '../get-status.ts';
import { machineClock } from '../runtime/clock.ts';
import { readCommit } from '../runtime/config.ts';
import { endpointParts } from '../runtime/endpoint.ts';
import { policyState } from '../runtime/identity.ts';
import { ports } from '../runtime/vault.ts';
import { handlerOf } from './adapter.ts';

const about = { version: manifest.version, commit: readCommit() };

export const handler = handlerOf(
  getStatusRoute.serve(endpointParts, {
    ...ports,
    clock: machineClock,
    about,
    policy: policyState,
  }),
);
