/**
 * Fetches from public addresses only, so that no issuer can direct the vault to a service in its
 * own network.
 */
import dns from 'node:dns';
import { Agent, type AgentOptions, request } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

type Options = Pick<AgentOptions, 'ca'> & {
  readonly lookup?: typeof dns.lookup;
  readonly isAllowed?: (address: string) => boolean;
};

/**
 * Returns a `fetch` for HTTPS that connects to allowed addresses only, follows no redirects,
 * accepts only status 200, and uses no proxy. It connects to the addresses that it checked, so a
 * name that resolves differently later gains nothing. Errors quote neither the reply nor the
 * certificate.
 */
export const createPublicFetch = ({
  ca,
  lookup = dns.lookup,
  isAllowed = isPublicAddress,
}: Options) => {
  const agent = new Agent({
    ...(ca !== undefined && { ca }),
    lookup: lookupOfAllowed(lookup, isAllowed),
    // Makes Node ask `lookup` for all addresses of a name and accept a list, so that those that are
    // not allowed can be left out.
    autoSelectFamily: true,
  });
  return async (url: string, { headers, signal }: RequestInit): Promise<Response> => {
    if (!URL.canParse(url)) throw failure('the address is not a URL');
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    // Node looks up only names, so an address in the URL must be checked here.
    if (isIP(host) !== 0 && !isAllowed(host)) throw failure(notAllowed);
    const options = { agent, headers: Object.fromEntries(new Headers(headers)) };
    return new Promise((resolve, reject) => {
      request(url, { ...options, ...(signal && { signal }) })
        .on('response', (message) => {
          if (message.statusCode === 200) {
            resolve(new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>));
          } else {
            message.destroy();
            reject(failure('the status is not 200'));
          }
        })
        .on('error', ({ code }: NodeJS.ErrnoException) => reject(failure(code)))
        .end();
    });
  };
};

const notAllowed = 'the address is not public';
const failure = (reason = 'no connection'): Error => new Error(`the request failed: ${reason}`);

const lookupOfAllowed =
  (lookup: typeof dns.lookup, isAllowed: (address: string) => boolean): LookupFunction =>
  (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const allowed = found.filter(({ address }) => isAllowed(address));
      const refusal = Object.assign(new Error(notAllowed), { code: notAllowed });
      return allowed.length > 0 ? callback(null, allowed) : callback(refusal, []);
    });

/**
 * IANA's special-purpose address registries for IPv4 and IPv6, plus multicast and reserved
 * addresses.
 */
const specialIPv4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
];
const specialIPv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/**
 * NAT64 (RFC 6052): the last four bytes are an IPv4 address, so the special ranges of IPv4 are
 * blocked behind this prefix too.
 */
const nat64 = '64:ff9b::';
/**
 * The ranges that public IPv6 addresses are in. Every address outside them is reserved, local,
 * multicast, or another way to write an IPv4 address.
 */
const unicastIPv6 = ['2000::/3', `${nat64}/96`];

const listOf = (ranges: readonly string[], type: 'ipv4' | 'ipv6', list = new BlockList()) => {
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    list.addSubnet(address, Number(bits), type);
    if (type === 'ipv4') list.addSubnet(`${nat64}${address}`, 96 + Number(bits), 'ipv6');
  }
  return list;
};
const special = listOf(specialIPv6, 'ipv6', listOf(specialIPv4, 'ipv4'));
const unicast = listOf(unicastIPv6, 'ipv6');

/**
 * Whether an IP address belongs to the public internet. IPv4 addresses written as `::ffff:…` never
 * do.
 */
export const isPublicAddress = (address: string): boolean => {
  const version = isIP(address);
  if (version === 4) return !special.check(address, 'ipv4');
  return version === 6 && unicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
};

export const fetchPublic = createPublicFetch({});
