/**
 * The access policy: the issuers whose tokens the vault accepts, and what their tokens allow.
 * `policy-file.ts` reads and checks a policy; a function is deployed with the result, in this form.
 */
import type { Scope } from '../model/types.ts';

export const algorithms = ['EdDSA', 'ES256', 'ES384', 'RS256'] as const;

/** Whether a JWK has a private or a symmetric part. */
export const isPrivateKey = (jwk: object): boolean =>
  ['d', 'k', 'p', 'q'].some((part) => part in jwk);

/** The claims `iss` and `aud` of tokens made by `npm run token`. */
export const localIssuer = 'urn:vault:local';
export const localAudience = 'vault';

/** A claim of a token, as its name or as a JSON Pointer (RFC 6901), which begins with "/". */
export type ClaimPath = string;

export type AccessPolicy = { readonly issuers: readonly IssuerPolicy[] };

export type IssuerPolicy = TokenForm & KeySource & Grants;

type TokenForm = {
  /** The issuer's name in this vault, for subjects and logs. */
  readonly id: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** The claim that contains the token's audience, if it is not `aud`. */
  readonly audienceClaim?: ClaimPath | undefined;
  /**
   * Whether a token may name other audiences besides this vault. Any of them could then use the
   * token here.
   */
  readonly sharedAudience?: boolean | undefined;
  readonly algorithms: readonly (typeof algorithms)[number][];
  readonly deny?: DenyList | undefined;
};

/**
 * Where an issuer's public keys come from: a set, the HTTPS address of one, or OpenID discovery.
 */
type KeySource =
  | { readonly jwks: { readonly keys: readonly unknown[] } }
  | { readonly jwksUrl: string }
  | { readonly discovery: true };

/**
 * What an issuer's tokens allow: either rules decide, or the vault trusts the token's own claims
 * (`tenant`, `scope`, …), as `npm run token` sets them.
 */
type Grants =
  | { readonly rules: readonly Rule[] }
  | {
      readonly vaultClaims: true;
      /** Leaves out the issuer's id in subjects. Only for the issuer of the `AUTH_…` variables. */
      readonly bareSubjects?: true;
    };

/** Tokens that are refused whatever the rules say. */
export type DenyList = {
  readonly sub?: readonly string[] | undefined;
  readonly jti?: readonly string[] | undefined;
  /** Refuses tokens issued before this instant (RFC 3339), and tokens without the time of issue. */
  readonly before?: string | undefined;
};

export type MatchValue = string | boolean;

export type Rule = {
  /** The claims that a token must have, each with the values it may have. Texts may contain `*`. */
  readonly match: Readonly<Record<ClaimPath, MatchValue | readonly MatchValue[]>>;
  /** Tenant, subject and names may insert claims, written as `{claim}`. */
  readonly tenant: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly scopes: readonly Scope[];
  /** A claim that lists scopes. A token gets only those of `scopes` that this claim lists too. */
  readonly scopesFrom?: ClaimPath | undefined;
};

export type ClaimPolicy = Omit<TokenForm, 'algorithms'> & Grants;

/** The name of the policy file, which is in the folder of a deployed function. */
export const bundledPolicyFile = 'access-policy.json';
