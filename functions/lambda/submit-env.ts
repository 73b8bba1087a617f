import { submitEnvRoute } from '../submit-env.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(submitEnvRoute);
