import { expect, it } from '@jest/globals';
import { curlTo } from '../../../../host/single/curl.ts';
import { freshCertificates } from '../../../support/certificates.ts';

it.each([
  ['HTTP', false, 'http://127.0.0.1:3000', 'curl -i', 'http://127.0.0.1:3000'],
  [
    'a host that the certificate names',
    true,
    'https://127.0.0.1:3000',
    'curl -i --cacert c.pem',
    'https://127.0.0.1:3000',
  ],
  [
    'a host that the certificate does not name',
    true,
    'https://0.0.0.0:3000',
    'curl -i --cacert c.pem --connect-to ::0.0.0.0',
    'https://localhost:3000',
  ],
])(
  "the command for curl trusts the vault's certificate and reaches the right host: %s",
  async (_, hasTls, url, curl, address) => {
    const pair = hasTls ? await freshCertificates() : undefined;
    expect(curlTo(url, pair, 'c.pem')).toEqual({ curl, address });
  },
);
