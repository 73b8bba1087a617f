/**
 * The access policy of this process. A deployed function finds it next to its bundle or in `AUTH_…`
 * variables. A local host sets it, and replaces it as a whole when its file changes.
 */
import { hash } from 'node:crypto';
import type { AccessPolicy, IssuerPolicy } from '../access/policy-types.ts';
import { discoveredKeys, localKeys, remoteKeys } from '../http/key-sets.ts';
import { createAuthenticator, type Issuer } from '../http/principal.ts';
import { formatInstant } from '../model/types.ts';
import { machineClock } from './clock.ts';
import { type IdentityConfig, readIdentity } from './config.ts';
import { logPolicy } from './host-lines.ts';

/** The policy that is in use, as the status shows it. */
export type PolicyState = {
  readonly source: 'variables' | 'bundle' | 'file';
  /**
   * The SHA-256 of the policy, so nodes with the same digest decide alike; `null` for variables.
   */
  readonly digest: string | null;
  /** When this process began to use the policy, in RFC 3339. */
  readonly since: string;
  /** Why a newer version of the policy file is not used; `null` if there is no such version. */
  readonly fault: string | null;
};

const authenticator = createAuthenticator();
let state: PolicyState | undefined;
/**
 * The key sets of issuers that were fetched, by their address. They survive a change of the policy
 * if it keeps the address, because the issuer may be unreachable just then.
 */
let fetched: ReadonlyMap<string, Issuer['keys']> = new Map();

/** Verifies the token of a request by the policy in use. */
export const { authenticate } = authenticator;

export const policyState = (): PolicyState | undefined => state;

/** Switches this process to a policy that was read from a file. */
export const usePolicy = (policy: AccessPolicy): void => {
  authenticator.use(issuersOf(policy));
  state = stateOf('file', policy);
  logPolicy(state);
};

/**
 * Logs at WARN that the policy file has changed and cannot be used, and shows that in the status
 * and, for an alert, in the metrics. The old policy stays in use.
 */
export const refusePolicy = (fault: string): void => {
  if (state === undefined) return;
  state = { ...state, fault };
  logPolicy(state);
};

/**
 * Uses the policy that is deployed with the function or the `AUTH_…` variables, unless a host has
 * set a policy. Throws a user-facing error if there is neither.
 */
export const startIdentity = (): void => {
  if (state !== undefined) return;
  const identity = readIdentity();
  if ('issuers' in identity) {
    authenticator.use(issuersOf(identity));
    state = stateOf('bundle', identity);
  } else {
    authenticator.use([issuerOfVariables(identity)]);
    state = stateOf('variables');
  }
};

const stateOf = (source: PolicyState['source'], policy?: AccessPolicy): PolicyState => ({
  source,
  digest: policy ? hash('sha256', JSON.stringify(policy), 'base64url') : null,
  since: formatInstant(machineClock.now()),
  fault: null,
});

const issuersOf = ({ issuers }: AccessPolicy): readonly Issuer[] => {
  const kept = new Map<string, Issuer['keys']>();
  const all = issuers.map((issuer) => ({ ...issuer, keys: keysOf(issuer, kept) }));
  fetched = kept;
  return all;
};

const keysOf = (issuer: IssuerPolicy, kept: Map<string, Issuer['keys']>): Issuer['keys'] => {
  if ('jwks' in issuer) return localKeys(JSON.stringify(issuer.jwks));
  const [address, open] =
    'jwksUrl' in issuer
      ? ([`keys ${issuer.jwksUrl}`, () => remoteKeys(issuer.jwksUrl)] as const)
      : ([`discovery ${issuer.issuer}`, () => discoveredKeys(issuer.issuer)] as const);
  const keys = kept.get(address) ?? fetched.get(address) ?? open();
  kept.set(address, keys);
  return keys;
};

/**
 * The issuer from the `AUTH_…` variables. Its subjects get no prefix, and its tokens may name
 * further audiences.
 */
const issuerOfVariables = ({ issuer, audience, keySet }: IdentityConfig): Issuer => ({
  id: 'default',
  issuer,
  audiences: [audience],
  sharedAudience: true,
  algorithms: ['EdDSA', 'ES256', 'RS256'],
  vaultClaims: true,
  bareSubjects: true,
  keys: 'jwks' in keySet ? localKeys(keySet.jwks) : remoteKeys(keySet.url),
});
