import { listSecretsRoute } from '../list-secrets.ts';
import { onLambda } from './endpoint.ts';
import { storeOnly } from './store.ts';

export const handler = onLambda(listSecretsRoute, storeOnly);
