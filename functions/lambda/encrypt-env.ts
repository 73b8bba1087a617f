import { encryptEnvRoute } from '../encrypt-env.ts';
import { onLambda } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

export const handler = onLambda(encryptEnvRoute, storeAndKey);
