/**
 * The local issuer of tokens: an Ed25519 key pair in the data folder, created when it is first
 * needed. As with any issuer, the vault uses only the public key.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import * as v from 'valibot';
import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { misconfigured } from '../../system/failures.ts';
import { createFileOnce, readFileIfPresent } from '../../system/files.ts';

export const tokenLifetimeMaxS = 86_400;

export type Claims = {
  readonly tenant: string;
  readonly sub: string;
  readonly scope: string;
  /** If absent, the token covers all names of the tenant. */
  readonly names?: readonly string[] | undefined;
};

export type TokenKey = {
  /** The public key set, in the format of `AUTH_JWKS`. */
  readonly jwks: string;
  readonly issue: (claims: Claims, lifetimeS: number) => Promise<string>;
};

const stored = v.strictObject({
  kty: v.literal('OKP'),
  crv: v.literal('Ed25519'),
  x: v.string(),
  d: v.string(),
  kid: v.string(),
});

const makeKey = async (): Promise<string> => {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  return JSON.stringify({ kty, crv, x, d, kid: randomUUID() });
};

const parseKey = (file: string, text: string): v.InferOutput<typeof stored> => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    // No cause is attached, because the parser's message would quote the key.
    throw misconfigured(
      `${file} is damaged: delete it, and tokens are signed with a new key from then on`,
    );
  }
};

/** The file of the key pair in a data folder. */
export const tokenKeyFile = (folder: string): string => join(folder, 'token-key.json');

/**
 * Opens the key pair of the folder, or creates it the first time. Processes that do this at the
 * same time get the same pair.
 */
export const openTokenKey = async (folder: string): Promise<TokenKey> => {
  const file = tokenKeyFile(folder);
  const made = readFileIfPresent(file) === undefined ? await makeKey() : '';
  const { d, ...pub } = parseKey(
    file,
    createFileOnce(file, () => made),
  );
  const key = await importJWK({ ...pub, d }, 'EdDSA');
  return {
    jwks: JSON.stringify({ keys: [{ ...pub, alg: 'EdDSA', use: 'sig' }] }),
    issue: ({ sub, ...claims }, lifetimeS) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', kid: pub.kid })
        .setIssuer(localIssuer)
        .setAudience(localAudience)
        .setSubject(sub)
        // Lets a policy refuse this token alone.
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeS)
        .sign(key),
  };
};
