import { plainAddress } from '../client/address.ts';
import { usage } from './failures.ts';

/** Reads the address of a vault. Throws unless it is only an HTTP address, without name and password. */
export const readAddr = (text: string): string => {
  const addr = plainAddress(text);
  if (addr !== undefined) return addr;
  throw usage('the address of the vault is http:// or https://, a host, and perhaps a path');
};
