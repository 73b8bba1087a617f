import { updateSecretRoute } from '../update-secret.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(updateSecretRoute);
