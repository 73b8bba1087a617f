/** The access policy in use, or the one issuer whose tokens are accepted, and its state. */
import { hash } from 'node:crypto';
import type { IssuerConfig } from '../access/issuer-variables.ts';
import type { AccessPolicy, IssuerPolicy } from '../access/policy-types.ts';
import { formatInstant } from '../model/types.ts';
import type { Clock } from '../vault/request.ts';
import { discoveredKeys, localKeys, remoteKeys } from './key-sets.ts';
import { type Authenticate, createAuthenticator, type Issuer } from './principal.ts';

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

export type Identity = {
  /** Verifies the token of a request by the policy in use. Without one, refuses every token. */
  readonly authenticate: Authenticate;
  /**
   * Switches to a policy, or to the one issuer that variables name. Throws a user-facing error if a
   * key set in it cannot be used; the old policy then stays in use.
   */
  readonly use: (given: AccessPolicy | IssuerConfig, source: PolicyState['source']) => void;
  /** Remembers in the state why a newer version of the policy is not used. */
  readonly refuse: (fault: string) => void;
  /** The state of the policy in use; `undefined` before the first `use`. */
  readonly state: () => PolicyState | undefined;
};

/** Makes an identity that accepts nobody yet. */
export const createIdentity = (clock: Pick<Clock, 'now'>): Identity => {
  const { authenticate, use } = createAuthenticator();
  let state: PolicyState | undefined;
  /**
   * The key sets of issuers that were fetched, by their address. They survive a change of the
   * policy if it keeps the address, because the issuer may be unreachable just then.
   */
  let fetched: KeySets = new Map();
  return {
    authenticate,
    use: (given, source) => {
      const isPolicy = 'issuers' in given;
      const kept = new Map<string, Issuer['keys']>();
      use(isPolicy ? given.issuers.map(issuerOf(fetched, kept)) : [issuerOfVariables(given)]);
      fetched = kept;
      const digest = isPolicy ? hash('sha256', JSON.stringify(given), 'base64url') : null;
      state = { source, digest, since: formatInstant(clock.now()), fault: null };
    },
    refuse: (fault) => {
      if (state !== undefined) state = { ...state, fault };
    },
    state: () => state,
  };
};

type KeySets = ReadonlyMap<string, Issuer['keys']>;

const issuerOf =
  (fetched: KeySets, kept: Map<string, Issuer['keys']>) =>
  (issuer: IssuerPolicy): Issuer => ({ ...issuer, keys: keysOf(issuer, fetched, kept) });

const keysOf = (
  issuer: IssuerPolicy,
  fetched: KeySets,
  kept: Map<string, Issuer['keys']>,
): Issuer['keys'] => {
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
const issuerOfVariables = ({ issuer, audience, keySet }: IssuerConfig): Issuer => ({
  id: 'default',
  issuer,
  audiences: [audience],
  sharedAudience: true,
  algorithms: ['EdDSA', 'ES256', 'RS256'],
  vaultClaims: true,
  bareSubjects: true,
  keys: 'jwks' in keySet ? localKeys(keySet.jwks) : remoteKeys(keySet.url),
});
