import manifest from '../../package.json' with { type: 'json' };
import { getStatusRoute } from '../get-status.ts';
import { machineClock as clock } from '../runtime/clock.ts';
import { readCommit } from './config.ts';
import { onLambda, policyState as policy } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

const about = { version: manifest.version, commit: readCommit() };

export const handler = onLambda(getStatusRoute, { ...storeAndKey, clock, about, policy });
