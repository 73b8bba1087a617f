import { destroyVersionRoute } from '../destroy-version.ts';
import { onLambda } from './endpoint.ts';
import { storeOnly } from './store.ts';

export const handler = onLambda(destroyVersionRoute, storeOnly);
