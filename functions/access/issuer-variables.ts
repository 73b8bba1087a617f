/** The variables that name the one accepted issuer of a vault without an access policy. */
import { requireSet } from '../model/variables.ts';

export type IssuerConfig = {
  readonly issuer: string;
  readonly audience: string;
  readonly keySet: { readonly jwks: string } | { readonly url: string };
};

type Environment = Readonly<Record<string, string | undefined>>;

export const issuerVariables = ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS', 'AUTH_JWKS_URL'];

/**
 * Reads from the `AUTH_…` variables which issuer's tokens are accepted, for which audience, and
 * where the issuer's keys are. Throws a user-facing error that names what is missing or set twice:
 * settings about authorization have no default.
 */
export const issuerIn = (environment: Environment): IssuerConfig => {
  const { AUTH_JWKS: jwks, AUTH_JWKS_URL: url } = environment;
  const either = jwks ? 'AUTH_JWKS' : url ? 'AUTH_JWKS_URL' : 'AUTH_JWKS or AUTH_JWKS_URL';
  requireSet({ ...environment, [either]: jwks || url }, ['AUTH_ISSUER', 'AUTH_AUDIENCE', either]);
  if (jwks && url) throw new Error('AUTH_JWKS and AUTH_JWKS_URL are both set; set only one');
  if (url && !url.startsWith('https://')) throw new Error('AUTH_JWKS_URL must begin with https://');
  return {
    issuer: environment['AUTH_ISSUER'] ?? '',
    audience: environment['AUTH_AUDIENCE'] ?? '',
    keySet: url ? { url } : { jwks: jwks ?? '' },
  };
};
