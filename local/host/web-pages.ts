/**
 * Detects requests that a browser sends for a web page. A page of any site can send requests to ports of this machine.
 * No client of the vault runs in a browser, so the local servers refuse all such requests.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * Whether the request carries `Origin`. Browsers send it with every request to another origin whose reply the page may
 * read, and with every method but GET and HEAD; a page cannot leave it out. Other clients do not send it.
 */
export const isFromPage = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers.origin !== undefined;

/**
 * Whether the request's `Host` is a name instead of an address. If an attacker points the name of a page at this
 * machine after the page has loaded (DNS rebinding), the browser takes the server for the page's own: a GET then has no
 * `Origin`, and the page can read the reply. Its `Host` is still the page's name.
 */
export const isForName = ({ headers: { host } }: Pick<IncomingMessage, 'headers'>): boolean => {
  if (host === undefined) return false;
  const { hostname = '' } = URL.parse(`http://${host}`) ?? {};
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0;
};
