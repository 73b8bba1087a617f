import { deleteSecretRoute } from '../delete-secret.ts';
import { onLambda } from './endpoint.ts';
import { storeOnly } from './store.ts';

export const handler = onLambda(deleteSecretRoute, storeOnly);
