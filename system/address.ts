/** Reads addresses, and tells whether others can read what is sent to one. */
import { plainAddress } from '../client/address.ts';
import { usage } from './failures.ts';

/** Reads the address of a vault. Throws unless it is only an HTTP address, without name and password. */
export const readAddr = (text: string): string => {
  const addr = plainAddress(text);
  if (addr !== undefined) return addr;
  throw usage('the address of the vault is http:// or https://, a host, and perhaps a path');
};

/** Whether the address leads to this machine. */
export const isLoopback = ({ hostname }: URL): boolean =>
  /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

/** Whether nobody else can read what is sent to the address: it is HTTPS, or leads to this machine. */
export const isConfidential = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
