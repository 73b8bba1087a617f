import { copySecretRoute } from '../copy-secret.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(copySecretRoute);
