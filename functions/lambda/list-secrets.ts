import { listSecretsRoute } from '../list-secrets.ts';
import { withStore } from './store.ts';

export const handler = withStore(listSecretsRoute);
