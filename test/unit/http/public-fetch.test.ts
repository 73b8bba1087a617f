/** The fetch that connects only to public addresses, tested against an HTTPS server on loopback. */
import { mkdtempSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import {
  type AddressInfo,
  getDefaultAutoSelectFamily,
  isIP,
  type LookupFunction,
  setDefaultAutoSelectFamily,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createPublicFetch,
  fetchPublic,
  isPublicAddress,
} from '../../../functions/http/public-fetch.ts';
import { openCertificates } from '../../../host/http/certificates.ts';

let server: Server;
let ca: string;
let port: number;
let connections = 0;
let answer: RequestListener;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fetch-'));
  const tls = await openCertificates(folder, ['issuer.test']);
  ca = tls.ca;
  server = createServer({ cert: tls.certificate, key: tls.key }, (...both) => answer(...both));
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

type Lookup = NonNullable<Parameters<typeof createPublicFetch>[0]['lookup']>;

/** Resolves every name to these addresses, as a hostile or a changed DNS server could. */
const resolvingTo = (...addresses: readonly string[]): Lookup =>
  lookupBy((callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    ),
  );
const lookupBy = (answered: (callback: Parameters<LookupFunction>[2]) => void): Lookup =>
  ((_host, _options, callback) => answered(callback)) satisfies LookupFunction as Lookup;
const urlOf = (host: string) => `https://${host}:${port}/path?a=b`;

describe('a fetch from public addresses', () => {
  const refused = 'the request failed: the address is not public';

  it.each(['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost'])(
    'does not connect to https://%s',
    async (host) => {
      const before = connections;
      await expect(fetchPublic(urlOf(host), {})).rejects.toThrow(refused);
      expect(connections).toBe(before);
    },
  );

  it.each([['127.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['10.0.0.1', 'fd00::1']])(
    'does not connect to a name that resolves to %s',
    async (...addresses) => {
      const before = connections;
      const toPrivate = createPublicFetch({ ca, lookup: resolvingTo(...addresses) });
      await expect(toPrivate(urlOf('issuer.test'), {})).rejects.toThrow(refused);
      expect(connections).toBe(before);
    },
  );

  it('tries only the allowed addresses of a name', async () => {
    const before = connections;
    const lookup = resolvingTo('127.0.0.1', '::1');
    answer = (_request, response) => response.end('here');
    const onlyIPv6 = createPublicFetch({ ca, lookup, isAllowed: (address) => address === '::1' });
    await expect(onlyIPv6(urlOf('issuer.test'), {})).rejects.toThrow('the request failed: E');
    expect(connections).toBe(before);
  });

  it('fails if a name cannot be resolved', async () => {
    const error = Object.assign(new Error(), { code: 'ENOTFOUND' });
    // Like Node, calls back with an error and without addresses.
    const lookup = lookupBy((callback) => callback(error, undefined as never));
    const unresolved = createPublicFetch({ lookup });
    await expect(unresolved(urlOf('issuer.test'), {})).rejects.toThrow('ENOTFOUND');
  });

  it('fails for an invalid address without quoting it', async () => {
    const error = await fetchPublic('https://c4n4ry:x', {}).catch((reason) => reason);
    expect(inspect(error)).toContain('the request failed: the address is not a URL');
    expect(inspect(error)).not.toContain('c4n4ry');
  });
});

describe('a fetch from an allowed address', () => {
  const lookup = resolvingTo('127.0.0.1');
  const get = (url = urlOf('issuer.test'), init: RequestInit = {}) =>
    createPublicFetch({ ca, lookup, isAllowed: () => true })(url, init);

  it('sends path and headers, and returns the body', async () => {
    answer = ({ method, url, headers: { host, accept } }, response) => {
      response.end(JSON.stringify({ method, url, host, accept }));
    };
    const response = await get(undefined, { headers: new Headers({ accept: 'text/plain' }) });
    expect(await response.json()).toEqual({
      method: 'GET',
      url: '/path?a=b',
      host: `issuer.test:${port}`,
      accept: 'text/plain',
    });
  });

  it('accepts an IP address that the certificate names', async () => {
    answer = (_request, response) => response.end('here');
    expect(await (await get(urlOf('127.0.0.1'))).text()).toBe('here');
  });

  it('works even if the process does not try several address families', async () => {
    const byDefault = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(false);
    answer = (_request, response) => response.end('here');
    try {
      expect(await (await get()).text()).toBe('here');
    } finally {
      setDefaultAutoSelectFamily(byDefault);
    }
  });

  it('fails if the certificate is for another name, without quoting the name in the certificate', async () => {
    const error = await get(urlOf('other.test')).catch((reason) => reason);
    expect(inspect(error)).toContain('the request failed: ERR_TLS_CERT_ALTNAME_INVALID');
    expect(inspect(error)).not.toContain('issuer.test');
  });

  it('fails if the authority of the certificate is unknown', async () => {
    const strict = createPublicFetch({ lookup, isAllowed: () => true });
    await expect(strict(urlOf('issuer.test'), {})).rejects.toThrow('the request failed: ');
  });

  it.each([204, 301, 302, 307, 404, 500])('fails with the status %i', async (status) => {
    let requests = 0;
    answer = (_request, response) => {
      requests += 1;
      response.writeHead(status, { location: urlOf('issuer.test') }).end();
    };
    await expect(get()).rejects.toThrow('the request failed: the status is not 200');
    expect(requests).toBe(1);
  });

  it('closes the connection if the status is not 200', async () => {
    const closed = new Promise((resolve) => {
      answer = ({ socket }, response) => {
        socket.on('close', resolve);
        response.writeHead(500).write('half');
      };
    });
    await expect(get()).rejects.toThrow();
    await closed;
  });

  it('fails without quoting the reply if it is not HTTP', async () => {
    answer = ({ socket }) => socket.end('c4n4ry');
    const error = await get().catch((reason) => reason);
    expect(inspect(error)).toContain('the request failed: HPE_');
    expect(inspect(error)).not.toContain('c4n4ry');
  });

  it('stops when its signal aborts, before the reply or in the middle of its body', async () => {
    const first = new AbortController();
    answer = () => first.abort();
    await expect(get(undefined, { signal: first.signal })).rejects.toThrow('ABORT_ERR');

    const second = new AbortController();
    answer = (_request, response) => response.write('half');
    const response = await get(undefined, { signal: second.signal });
    second.abort();
    await expect(response.text()).rejects.toThrow();
  });

  it('closes the connection if the reader stops in the middle of the body', async () => {
    const closed = new Promise((resolve) => {
      answer = ({ socket }, response) => {
        socket.on('close', resolve);
        response.write('half');
      };
    });
    await (await get()).body?.cancel();
    await closed;
  });
});

describe('isPublicAddress', () => {
  it.each([
    ...['1.1.1.1', '8.8.8.8', '100.63.255.255', '172.32.0.1', '192.0.1.1', '198.20.0.1'],
    ...['223.255.255.255', '2606:4700::1111', '2a00:1450:4001::1', '64:ff9b::808:808'],
  ])('is true for %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.1.2.3', '169.254.169.254'],
    ...['172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1', '192.168.1.1'],
    ...['198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.1.1.1'],
    ...['240.0.0.1', '255.255.255.255', '::', '::1', '::127.0.0.1', '::ffff:10.1.2.3'],
    ...['::ffff:a9fe:a9fe', '::ffff:8.8.8.8', '::ffff:0:127.0.0.1', '100::1', '5f00::1'],
    ...['64:ff9b::10.1.2.3', '64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1', '64:ff9b:1::808:808'],
    ...['2001::1', '2001:2::1', '2001:db8::1', '2002:a01:203::1', '3fff::1', '4000::1'],
    ...['fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%lo', 'fec0::1', 'ff02::1'],
    ...['', 'localhost', '127.1', '8.8.8.8.'],
  ])('is false for %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
