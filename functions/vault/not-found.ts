import { VaultError } from '../model/errors.ts';

/** One answer for a name that never existed, another tenant's, and one out of the caller's sight. */
export const notFound = (): VaultError => new VaultError('not_found', 'no such secret');
