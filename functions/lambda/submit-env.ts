import { submitEnvRoute } from '../submit-env.ts';
import { onLambda } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

export const handler = onLambda(submitEnvRoute, storeAndKey);
