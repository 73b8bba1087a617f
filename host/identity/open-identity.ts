/**
 * Who may call a vault on this machine: by its policy file, by the issuer in the `AUTH_…`
 * variables, or, if the user has configured neither, by the tokens of `npm run token`. These are
 * never mixed.
 */
import { issuerIn, issuerVariables } from '../../functions/access/issuer-variables.ts';
import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import {
  type FollowedPolicy,
  followPolicyFile,
  type PolicyUsers,
  policyVariable,
} from './access-policy.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Throws a user-facing error if the variables name only a part of an issuer, or two sources of
 * issuers.
 */
export const checkIdentity = (environment: Environment): void => {
  const given = issuerVariables.filter((name) => environment[name]);
  if (given.length === 0) return;
  if (environment[policyVariable]) {
    throw misconfigured(`${[policyVariable, ...given].join(' and ')} are set together; set one`);
  }
  try {
    issuerIn(environment);
  } catch (error) {
    throw misconfigured(sentenceOf(error), error);
  }
};

/**
 * Makes the identity accept those whom the environment names. `jwks` is the key set of `npm run
 * token`. Throws a user-facing error as `checkIdentity` and `followPolicyFile` do.
 */
export const openIdentity = (
  environment: Environment,
  jwks: string,
  users: PolicyUsers,
): FollowedPolicy => {
  checkIdentity(environment);
  const file = environment[policyVariable];
  if (file) return followPolicyFile(file, jwks, users);
  const isLocal = !issuerVariables.some((name) => environment[name]);
  const local = { issuer: localIssuer, audience: localAudience, keySet: { jwks } };
  try {
    users.identity.use(isLocal ? local : issuerIn(environment), 'variables');
  } catch (error) {
    throw misconfigured(sentenceOf(error), error);
  }
  return { takesLocalTokens: isLocal, close: () => undefined };
};
