import { VaultError } from '../model/errors.ts';

/** The same answer for a name that never existed, for another tenant's name, and for a hidden name. */
export const notFound = (): VaultError => new VaultError('not_found', 'no such secret');
