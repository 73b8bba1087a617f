import { createSecretRoute } from '../create-secret.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(createSecretRoute);
