/**
 * The access policy: the issuers whose tokens the vault accepts, and what a token of each allows.
 * `policy-file.ts` reads and checks a policy. A function is deployed with its policy in this form.
 */
import type { Scope } from '../model/types.ts';

export const algorithms = ['EdDSA', 'ES256', 'ES384', 'RS256'] as const;

/** Whether a JWK has a private or symmetric part. */
export const isPrivateKey = (jwk: object): boolean =>
  ['d', 'k', 'p', 'q'].some((part) => part in jwk);

/** The claims `iss` and `aud` of the tokens that `npm run token` makes. */
export const localIssuer = 'urn:vault:local';
export const localAudience = 'vault';

/** A claim of a token: its name, or a JSON Pointer (RFC 6901), which begins with "/". */
export type ClaimPath = string;

export type AccessPolicy = { readonly issuers: readonly IssuerPolicy[] };

export type IssuerPolicy = TokenForm & KeySource & Grants;

/** How the tokens of an issuer are recognized. */
type TokenForm = {
  /** The name of the issuer in this vault, for subjects and logs. */
  readonly id: string;
  /** The exact claim `iss`. */
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** The claim that holds the audience, if it is not `aud`. */
  readonly audienceClaim?: ClaimPath | undefined;
  /** Whether a token may have further audiences, which could use it here. */
  readonly sharedAudience?: boolean | undefined;
  readonly algorithms: readonly (typeof algorithms)[number][];
  readonly deny?: DenyList | undefined;
};

/** The public keys of an issuer: a set, the HTTPS address of one, or OpenID discovery. */
type KeySource =
  | { readonly jwks: { readonly keys: readonly unknown[] } }
  | { readonly jwksUrl: string }
  | { readonly discovery: true };

/** Rules for the tokens of an issuer, or trust in the claims that `npm run token` makes. */
type Grants =
  | { readonly rules: readonly Rule[] }
  | {
      readonly vaultClaims: true;
      /** Subjects stay without the id of the issuer. Only for the issuer of the `AUTH_…` variables. */
      readonly bareSubjects?: true;
    };

/** Tokens that are refused whatever the rules say. */
export type DenyList = {
  readonly sub?: readonly string[] | undefined;
  readonly jti?: readonly string[] | undefined;
  /** Tokens that were issued before this instant (RFC 3339), or that do not say when. */
  readonly before?: string | undefined;
};

export type MatchValue = string | boolean;

export type Rule = {
  /** Claims, and the values of which each must have one. Texts may hold `*`. */
  readonly match: Readonly<Record<ClaimPath, MatchValue | readonly MatchValue[]>>;
  /** Tenant, subject and names may insert claims, as `{claim}`. */
  readonly tenant: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly scopes: readonly Scope[];
  /** A claim whose words limit `scopes` further. */
  readonly scopesFrom?: ClaimPath | undefined;
};

/** The part of an issuer that decides about claims. */
export type ClaimPolicy = Omit<TokenForm, 'algorithms'> & Grants;
