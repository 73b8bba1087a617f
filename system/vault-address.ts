import { plainAddress } from '../client/address.ts';
import { usage } from './failures.ts';

/**
 * Parses the address of a vault. Throws unless it is just `http://` or `https://`, a host, and
 * perhaps a path. `source` names the setting, for the error.
 */
export const readAddr = (text: string, source = 'the address of the vault'): string => {
  const addr = plainAddress(text);
  if (addr !== undefined) return addr;
  throw usage(
    `${source} must be http:// or https://, a host, and perhaps a path, such as http://127.0.0.1:3000`,
  );
};
