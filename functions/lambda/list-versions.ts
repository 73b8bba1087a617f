import { listVersionsRoute } from '../list-versions.ts';
import { onLambda } from './endpoint.ts';
import { storeAndKey } from './store-and-key.ts';

export const handler = onLambda(listVersionsRoute, storeAndKey);
