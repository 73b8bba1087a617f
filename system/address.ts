/** Addresses of a vault. */
import { plainAddress } from '../client/address.ts';
import { usage } from './failures.ts';

/** Throws unless the text is only an HTTP address. Others would see a name and password in it. */
export const readAddr = (text: string): string => {
  const addr = plainAddress(text);
  if (addr !== undefined) return addr;
  throw usage('the address of the vault is http:// or https://, a host, and perhaps a path');
};

/** Whether the address is that of this machine. */
export const isLoopback = ({ hostname }: URL): boolean =>
  /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

/** Whether nobody can read what is sent to the address: it has HTTPS, or is this machine. */
export const isConfidential = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
