/**
 * Who may call a vault on this machine: by its policy file, by the issuer in the `AUTH_…`
 * variables, or, if the user has configured neither, by the tokens of `npm run token`. These are
 * never mixed.
 */
import {
  type IssuerConfig,
  issuerIn,
  issuerVariables,
} from '../../functions/access/issuer-variables.ts';
import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { localKeys } from '../../functions/http/key-sets.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import {
  type FollowedPolicy,
  followPolicyFile,
  type PolicyUsers,
  policyVariable,
} from './access-policy.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A policy file, the issuer in the variables, or the tokens of `npm run token`. */
export type IdentitySource = { readonly file: string } | IssuerConfig | 'local';

/**
 * Reads who may call the vault. Throws a user-facing error if the variables name only a part of an
 * issuer, a key set that cannot be used, or two sources.
 */
export const readIdentitySource = (environment: Environment): IdentitySource => {
  const given = issuerVariables.filter((name) => environment[name]);
  const file = environment[policyVariable];
  if (file && given.length > 0) {
    throw misconfigured(`${[policyVariable, ...given].join(' and ')} are set together; set one`);
  }
  if (file) return { file };
  if (given.length === 0) return 'local';
  try {
    const issuer = issuerIn(environment);
    if ('jwks' in issuer.keySet) checkKeySet(issuer.keySet.jwks);
    return issuer;
  } catch (error) {
    throw misconfigured(sentenceOf(error), error);
  }
};

const checkKeySet = (jwks: string): void => {
  try {
    localKeys(jwks);
  } catch (error) {
    throw new Error(`AUTH_JWKS: ${sentenceOf(error)}`, { cause: error });
  }
};

/**
 * Lets the identity accept those whom the source names. `jwks` is the key set of `npm run token`.
 * Throws as `followPolicyFile` does.
 */
export const openIdentity = (
  source: IdentitySource,
  jwks: string,
  users: PolicyUsers,
): FollowedPolicy => {
  if (source !== 'local' && 'file' in source) return followPolicyFile(source.file, jwks, users);
  const isLocal = source === 'local';
  const local = { issuer: localIssuer, audience: localAudience, keySet: { jwks } };
  users.identity.use(isLocal ? local : source, 'variables');
  return { takesLocalTokens: isLocal, close: () => undefined };
};
