import { expandEnvRoute } from '../expand-env.ts';
import { onLambda } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

export const handler = onLambda(expandEnvRoute, storeAndKey);
