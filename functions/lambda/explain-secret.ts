import { explainSecretRoute } from '../explain-secret.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(explainSecretRoute);
