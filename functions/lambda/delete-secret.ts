import { deleteSecretRoute } from '../delete-secret.ts';
import { withStore } from './store.ts';

export const handler = withStore(deleteSecretRoute);
