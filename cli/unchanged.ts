/** `--skip-unchanged`: no new version of a secret that has this value already. */
import type { Session } from './command.ts';
import { decodeValue } from './values.ts';

/** The current version if its value is this one, told as a write would tell it. */
export const findUnchanged = async ({ client }: Session, name: string, value: Uint8Array) => {
  const { version, validFrom, ...current } = await client('get-secret', { name });
  return decodeValue(current).equals(value) ? { name, version, validFrom } : undefined;
};
