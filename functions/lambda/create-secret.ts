import { createSecretRoute } from '../create-secret.ts';
import { onLambda } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

export const handler = onLambda(createSecretRoute, storeAndKey);
