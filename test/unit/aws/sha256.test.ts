import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Sha256 as OfTheClients } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../../functions/aws/transport.ts';

const data = randomBytes(100);

describe('SHA-256 for the signer', () => {
  it('hashes everything that it was given, in parts or at once', async () => {
    const [whole, parts] = [new Sha256(), new Sha256()];
    whole.update(data);
    for (const part of [data.subarray(0, 1), data.subarray(1, 60), data.subarray(60)]) {
      parts.update(part);
    }
    const expected = new Uint8Array(createHash('sha256').update(data).digest());
    expect(new Uint8Array(await whole.digest())).toEqual(expected);
    expect(new Uint8Array(await parts.digest())).toEqual(expected);
  });

  it.each<[string, (secret: Buffer) => string | ArrayBuffer | ArrayBufferView]>([
    ['text', (secret) => secret.toString('hex')],
    ['bytes', (secret) => secret],
    ['a slice of more bytes', (secret) => Buffer.concat([data, secret]).subarray(data.length)],
    ['a buffer', (secret) => Uint8Array.from(secret).buffer],
  ])('computes an HMAC with a secret given as %s', async (_, form) => {
    const secret = form(randomBytes(32));
    const bytes = secret instanceof ArrayBuffer ? Buffer.from(secret) : secret;
    const hmac = createHmac('sha256', bytes as string | Buffer);
    const expected = hmac.update(data).digest();
    // Twice, because the signer passes the key of a day again and again.
    for (let time = 0; time < 2; time += 1) {
      const made = new Sha256(secret);
      made.update(data);
      expect(Buffer.from(await made.digest())).toEqual(expected);
    }
  });

  it.each([undefined, 'secret'])('starts over after reset, with the secret %s', async (secret) => {
    const [again, fresh] = [new Sha256(secret), new Sha256(secret)];
    again.update(data);
    again.reset();
    for (const made of [again, fresh]) made.update(Buffer.from('a'));
    expect(await again.digest()).toEqual(await fresh.digest());
  });

  it('makes the same signatures as the implementation that the AWS clients bring', async () => {
    const hostname = 'dynamodb.eu-central-1.amazonaws.com';
    const headers = { host: hostname, 'x-amz-target': 'T' };
    const to = { method: 'POST', protocol: 'https:', hostname, path: '/' };
    const request = { ...to, headers, body: '{"é":1}' };
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'sécret', sessionToken: 'token' };
    const signatures = [Sha256, OfTheClients].map(async (sha256) => {
      const scope = { service: 'dynamodb', region: 'eu-central-1' };
      const signer = new SignatureV4({ ...scope, credentials, sha256 });
      const signed = await signer.sign(request, { signingDate: new Date(0) });
      return signed.headers['authorization'];
    });
    const [ours, theirs] = await Promise.all(signatures);
    expect(ours).toMatch(/Signature=[0-9a-f]{64}$/);
    expect(ours).toBe(theirs);
  });
});
