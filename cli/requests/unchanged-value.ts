/** `--skip-unchanged`: writes no new version of a secret that already has this value. */

import { decodeValue } from '../values/read-value.ts';
import type { Session } from './vault-client.ts';

/** The current version, in the form of a reply to a write, if it has this value. */
export const findUnchanged = async ({ client }: Session, name: string, value: Uint8Array) => {
  const { version, validFrom, ...current } = await client('get-secret', { name });
  return decodeValue(current).equals(value) ? { name, version, validFrom } : undefined;
};
