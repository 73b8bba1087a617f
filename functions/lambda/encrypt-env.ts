import { encryptEnvRoute } from '../encrypt-env.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(encryptEnvRoute);
