/** Keys and tokens of an issuer, including tokens that no honest issuer would make. */
import {
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import {
  type Authenticate,
  createAuthenticator,
  type Issuer,
} from '../../functions/http/principal.ts';

export type Key = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

export const ed25519 = (): Key => generateKeyPairSync('ed25519');
export const p256 = (): Key => generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const p384 = (): Key => generateKeyPairSync('ec', { namedCurve: 'P-384' });
export const rsa = (modulusLength = 2048): Key => generateKeyPairSync('rsa', { modulusLength });

export const publicJwk = ({ publicKey }: Key, properties: object = {}): JsonWebKey => ({
  ...publicKey.export({ format: 'jwk' }),
  ...properties,
});
export const privateJwk = ({ privateKey }: Key): JsonWebKey => privateKey.export({ format: 'jwk' });

export const keySet = (...keys: readonly unknown[]): string => JSON.stringify({ keys });

const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

const signers: Readonly<Record<string, (data: Buffer, key: KeyObject) => Buffer>> = {
  EdDSA: (data, key) => sign(null, data, key),
  ES256: (data, key) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  ES384: (data, key) => sign('sha384', data, { key, dsaEncoding: 'ieee-p1363' }),
  RS256: (data, key) => sign('sha256', data, key),
  RS384: (data, key) => sign('sha384', data, key),
};

/** Returns a token with exactly this header and payload, signed with the algorithm in its `alg`. */
export const signToken = (
  header: { readonly alg: string } & Readonly<Record<string, unknown>>,
  payload: unknown,
  key: Key,
): string => {
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = signers[header.alg]?.(Buffer.from(signed), key.privateKey);
  return `${signed}.${signature?.toString('base64url') ?? ''}`;
};

/** Returns a token whose signature is a MAC under `secret`. */
export const macToken = (header: object, payload: unknown, secret: string | Buffer): string => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};

/**
 * Returns a function that authenticates callers by tokens of this one issuer. The claims of the
 * tokens describe the principal, as in a vault that is configured with the `AUTH_…` variables.
 */
export const createAuthenticate = ({
  issuer,
  audience,
  keys,
}: Pick<Issuer, 'issuer' | 'keys'> & { readonly audience: string }): Authenticate =>
  createAuthenticator([
    {
      id: 'default',
      issuer,
      audiences: [audience],
      sharedAudience: true,
      algorithms: ['EdDSA', 'ES256', 'RS256'],
      vaultClaims: true,
      bareSubjects: true,
      keys,
    },
  ]).authenticate;
