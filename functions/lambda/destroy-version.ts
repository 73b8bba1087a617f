import { destroyVersionRoute } from '../destroy-version.ts';
import { withStore } from './store.ts';

export const handler = withStore(destroyVersionRoute);
