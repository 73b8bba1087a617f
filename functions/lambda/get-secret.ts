import { getSecretRoute } from '../get-secret.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(getSecretRoute);
