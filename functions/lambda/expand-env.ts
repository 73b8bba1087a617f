import { expandEnvRoute } from '../expand-env.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(expandEnvRoute);
