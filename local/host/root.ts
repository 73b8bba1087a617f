import { join } from 'node:path';

/** The folder of the checkout, or of its copy in a container. */
export const root = join(import.meta.dirname, '..', '..');
