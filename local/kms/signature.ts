/** Admits only the one access key: it recomputes the request's AWS Signature Version 4 and compares. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../functions/runtime/transport.ts';
import { fault } from './fault.ts';
import type { Credentials } from './master-key.ts';

export type SignedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

const ageMaxMs = 300_000;
/**
 * These headers decide the meaning of a request. A signature without one of them could be copied to another request.
 */
const alwaysSigned = ['host', 'x-amz-date', 'x-amz-target'];
const form =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/kms\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;

const instantOf = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const incorrect = () =>
  fault(
    'InvalidSignatureException',
    'The request signature does not match the signature provided.',
  );

/** Returns if `credentials` signed exactly this request within the last five minutes; throws KMS's fault otherwise. */
export const checkSignature = async (
  request: SignedRequest,
  credentials: Credentials,
  now: number,
): Promise<void> => {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    throw fault('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const [, accessKeyId, region = '', names = ''] = form.exec(authorization) ?? [];
  if (accessKeyId === undefined) {
    throw fault('IncompleteSignatureException', 'Authorization is no AWS4-HMAC-SHA256 signature.');
  }
  if (!isSame(accessKeyId, credentials.accessKeyId)) {
    throw fault('UnrecognizedClientException', 'The security token included is invalid.');
  }
  const signed = names.split(';');
  if (!alwaysSigned.every((name) => signed.includes(name))) throw incorrect();
  const date = instantOf(request.headers['x-amz-date'] ?? '');
  if (!(Math.abs(now - date) <= ageMaxMs)) {
    throw fault('InvalidSignatureException', 'Signature expired, or dated in the future.');
  }
  const claimedHash = request.headers['x-amz-content-sha256'];
  const hash = createHash('sha256').update(request.body).digest('hex');
  if (claimedHash !== undefined && claimedHash !== hash) throw incorrect();
  const signer = new SignatureV4({
    service: 'kms',
    region,
    credentials,
    sha256: Sha256,
    applyChecksum: false,
  });
  const again = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: request.path,
      headers: Object.fromEntries(signed.map((name) => [name, request.headers[name] ?? ''])),
      body: request.body,
    },
    { signingDate: new Date(date) },
  );
  const expected = again.headers['authorization'] ?? '';
  const canonical = (text: string) => text.replaceAll(', ', ',');
  if (!isSame(canonical(expected), canonical(authorization))) throw incorrect();
};
