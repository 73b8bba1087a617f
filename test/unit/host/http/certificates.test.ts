import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { Certificate } from 'pkijs';
import { openCertificates } from '../../../../host/http/certificates.ts';
import { endOf } from '../../../../host/http/tls.ts';
import { freshFolder } from '../../../support/local-process.ts';

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const tenYearsMs = 10 * 365.25 * 86_400_000;

describe('openCertificates', () => {
  it('makes a certificate that the authority has signed, for both the client and the server side', async () => {
    const { ca, certificate, key } = await openCertificates(freshFolder(), []);
    const [authority, node] = [new X509Certificate(ca), new X509Certificate(certificate)];
    expect([authority.ca, node.ca]).toEqual([true, false]);
    expect(node.checkIssued(authority)).toBe(true);
    expect(node.verify(authority.publicKey)).toBe(true);
    expect(node.keyUsage).toEqual([serverAuth, clientAuth]);
    expect(node.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  // Strict clients refuse an authority that may not sign certificates (RFC 5280, 4.2.1.3).
  it('lets the authority only sign certificates, and the nodes only make handshakes', async () => {
    const { ca, certificate } = await openCertificates(freshFolder(), []);
    const usageIn = (pem: string) => {
      const { extensions = [] } = Certificate.fromBER(new X509Certificate(pem).raw);
      const usage = extensions.find(({ extnID }) => extnID === '2.5.29.15');
      return usage && [usage.critical, Buffer.from(usage.extnValue.getValue()).toString('hex')];
    };
    // DER bit strings: 2 unused bits and keyCertSign; 7 unused bits and digitalSignature.
    expect([usageIn(ca), usageIn(certificate)]).toEqual([
      [true, '03020204'],
      [true, '03020780'],
    ]);
  });

  it('makes certificates that are valid for ten years, and already on clocks a minute behind', async () => {
    const { ca, certificate } = await openCertificates(freshFolder(), []);
    for (const pem of [ca, certificate]) {
      const { validFromDate, validToDate } = new X509Certificate(pem);
      expect(Date.now() - validFromDate.getTime()).toBeGreaterThanOrEqual(60_000);
      const lastsMs = validToDate.getTime() - validFromDate.getTime();
      expect(Math.abs(lastsMs - tenYearsMs)).toBeLessThan(2 * 86_400_000);
    }
  });

  it('puts the hosts and loopback into the certificate, and IP addresses as addresses', async () => {
    const hosts = ['10.0.0.1', 'node-2.internal', '127.0.0.1'];
    const { certificate } = await openCertificates(freshFolder(), hosts);
    expect(new X509Certificate(certificate).subjectAltName?.split(', ')).toEqual([
      'IP Address:127.0.0.1',
      'DNS:localhost',
      'IP Address:10.0.0.1',
      'DNS:node-2.internal',
    ]);
  });

  it('makes a new certificate of the same authority for other hosts, but only if asked to renew it', async () => {
    const folder = freshFolder();
    const first = await openCertificates(folder, ['10.0.0.1', '10.0.0.3']);
    expect(await openCertificates(folder, ['10.0.0.3', '10.0.0.1'])).toEqual(first);
    await expect(openCertificates(folder, ['10.0.0.2'])).rejects.toThrow('--renew makes a new one');
    const second = await openCertificates(folder, ['10.0.0.2'], 'certificate');
    expect(second.key).not.toBe(first.key);
    const [old, node] = [first, second].map((one) => new X509Certificate(one.certificate));
    expect(node?.verify(new X509Certificate(first.ca).publicKey)).toBe(true);
    expect(node?.serialNumber).not.toBe(old?.serialNumber);
    expect(node?.checkIP('10.0.0.2')).toBe('10.0.0.2');
    expect(await openCertificates(folder, ['10.0.0.2'])).toEqual(second);
    await expect(openCertificates(folder, ['10.0.0.1', '10.0.0.3'])).rejects.toThrow('--renew');
  });

  it('renews authority and certificate so that old and new nodes trust each other', async () => {
    const folder = freshFolder();
    const year = 366 * 86_400_000;
    const made = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 9 * year);
    const first = await openCertificates(folder, []);
    made.mockRestore();
    const second = await openCertificates(folder, [], 'certificate');
    expect(Date.parse(endOf(first))).toBeLessThan(Date.now() + 2 * year);
    expect(Date.parse(endOf(second))).toBeGreaterThan(Date.now() + 9 * year);
    for (const { ca } of [first, second]) {
      const authority = new X509Certificate(ca);
      for (const { certificate } of [first, second]) {
        const node = new X509Certificate(certificate);
        expect([node.checkIssued(authority), node.verify(authority.publicKey)]).toEqual([
          true,
          true,
        ]);
      }
    }
    expect(endOf({ ...second, ca: first.ca })).toBe(endOf(first));
  });

  it("stores the authority's key in tls.json, for its owner only, and does not return it", async () => {
    const folder = freshFolder();
    const { ca, certificate, key, ...rest } = await openCertificates(folder, []);
    expect(rest).toEqual({});
    const file = join(folder, 'tls.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { authorityKey } = JSON.parse(readFileSync(file, 'utf8'));
    for (const text of [ca, certificate, key]) expect(text).not.toContain(authorityKey);
    expect(await openCertificates(folder, [])).toEqual({ ca, certificate, key });
  });

  it.each(['canary', '{"ca":"canary"}'])(
    'refuses a damaged tls.json without quoting it: %s',
    async (content) => {
      const folder = freshFolder();
      writeFileSync(join(folder, 'tls.json'), content);
      const refused = openCertificates(folder, []).catch((error) => error);
      expect(await refused).toMatchObject({ name: 'Failure' });
      expect((await refused).message).toMatch(/^\S+tls\.json is damaged: put back a copy/);
      expect((await refused).message).not.toContain('canary');
    },
  );
});
