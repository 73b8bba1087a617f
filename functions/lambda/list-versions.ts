import { listVersionsRoute } from '../list-versions.ts';
import { withStoreAndKey } from './store-and-key.ts';

export const handler = withStoreAndKey(listVersionsRoute);
