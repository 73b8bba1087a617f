/** Decides by the access policy what the claims of a verified token allow. */
import { limits } from '../model/limits.ts';
import {
  isNamePattern,
  isSubject,
  isTenant,
  type Principal,
  parseAskedInstant,
  withIncluded,
} from '../model/types.ts';
import {
  type Claims,
  claimAt,
  claimsInsertedBy,
  insertClaims,
  isWord,
  matches,
  prepareValues,
} from './claims.ts';
import type { ClaimPath, ClaimPolicy, DenyList, Rule } from './policy-types.ts';

type Grant = Omit<Principal, 'expires'>;

/**
 * Why a token is refused. Only `dsvault policy test` and the log show the reason; the vault gives
 * every such caller the same answer.
 */
export type Refusal =
  | { readonly because: 'audience' }
  | { readonly because: 'several_audiences' }
  | { readonly because: 'denied'; readonly by: keyof DenyList }
  | { readonly because: 'no_rule' }
  /**
   * Evaluating the token would take too much work: a claim has too many values, or there are too
   * many comparisons.
   */
  | { readonly because: 'too_many_values'; readonly claim: ClaimPath }
  | { readonly because: 'too_many_comparisons' }
  /**
   * A claim of the token does not fit into `part` of the caller's identity, for example because it
   * is not a valid tenant.
   */
  | { readonly because: 'unfit'; readonly part: Part; readonly claim?: ClaimPath };
type Part = 'tenant' | 'subject' | 'scopes' | 'names';

type Mismatch = { readonly rule: number; readonly claim: ClaimPath };

export type Decision = { readonly mismatches: readonly Mismatch[] } & (
  | { readonly granted: Grant }
  | { readonly refusal: Refusal }
);

/** The number of comparisons that a decision has made so far. */
export type ComparisonCount = { comparisons: number };

/**
 * Decides what the claims of a token allow, whose signature and issuer are already verified. Tries
 * the rules in the order of the policy. `work` counts the comparisons that the decision makes.
 */
export type Decider = (claims: Claims, work?: ComparisonCount) => Decision;

/** Prepares the rules of an issuer once, so that patterns are not split again for each token. */
export const createDecider = (issuer: ClaimPolicy): Decider => {
  const rules = 'rules' in issuer ? issuer.rules.map(prepareRule) : undefined;
  return (claims, work = { comparisons: 0 }) => {
    const refusal = audienceFault(issuer, claims) ?? denial(issuer.deny ?? {}, claims);
    if (refusal !== undefined) return { mismatches: [], refusal };
    const mismatches: Mismatch[] = [];
    try {
      if (rules === undefined) return { mismatches, granted: byOwnClaims(issuer, claims) };
      for (const [index, { rule, match }] of rules.entries()) {
        const number = index + 1;
        const differing = match.find(({ path, values }) => {
          const claim = claimAt(claims, path);
          if (Array.isArray(claim) && claim.length > limits.claimValuesMax) {
            throw new RefusalError({ because: 'too_many_values', claim: path });
          }
          return !matches(claim, values, () => countComparison(work));
        });
        if (differing === undefined) {
          return { mismatches, granted: byRule(issuer, rule, number, claims) };
        }
        mismatches.push({ rule: number, claim: differing.path });
      }
      return { mismatches, refusal: { because: 'no_rule' } };
    } catch (error) {
      if (error instanceof RefusalError) return { mismatches, refusal: error.refusal };
      throw error;
    }
  };
};

const prepareRule = (rule: Rule) => ({
  rule,
  match: Object.entries(rule.match).map(([path, values]) => ({
    path,
    values: prepareValues(values),
  })),
});

const countComparison = (work: ComparisonCount): void => {
  if (work.comparisons >= limits.claimComparisonsMax) {
    throw new RefusalError({ because: 'too_many_comparisons' });
  }
  work.comparisons += 1;
};

/**
 * Returns why the token is not for this vault; `undefined` if it is. If a token names several
 * audiences, one of the others could have sent it here, so the policy must allow such tokens.
 */
export const audienceFault = (issuer: ClaimPolicy, claims: Claims): Refusal | undefined => {
  const { audiences, audienceClaim = 'aud', sharedAudience = false } = issuer;
  const named = [claimAt(claims, audienceClaim)].flat();
  const isNamed = named.some((one) => typeof one === 'string' && audiences.includes(one));
  if (!isNamed) return { because: 'audience' };
  return named.length > 1 && !sharedAudience ? { because: 'several_audiences' } : undefined;
};

const denial = ({ sub = [], jti = [], before }: DenyList, claims: Claims): Refusal | undefined => {
  const isListed = (list: readonly string[], claim: unknown) =>
    typeof claim === 'string' && list.includes(claim);
  if (isListed(sub, claims['sub'])) return { because: 'denied', by: 'sub' };
  if (isListed(jti, claims['jti'])) return { because: 'denied', by: 'jti' };
  const issued = claims['iat'];
  const since = before === undefined ? undefined : parseAskedInstant(before);
  const isOld = since !== undefined && !(typeof issued === 'number' && 1_000 * issued >= since);
  return isOld ? { because: 'denied', by: 'before' } : undefined;
};

class RefusalError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.because);
    this.refusal = refusal;
  }
}

const unfit = (part: Part, claim?: ClaimPath): RefusalError =>
  new RefusalError({ because: 'unfit', part, ...(claim !== undefined && { claim }) });

/**
 * Returns a function that checks whether the text of a claim may be inserted into the tenant, the
 * subject or a name of a rule.
 */
export const fitsInto = (part: Part, template: string): ((text: string) => boolean) =>
  part === 'subject' && claimsInsertedBy(template).length === 1 ? isSubject : isWord;

const byRule = (issuer: ClaimPolicy, rule: Rule, number: number, claims: Claims): Grant => {
  const fill = (part: Part, template: string): string => {
    const isFit = fitsInto(part, template);
    return insertClaims(template, (path) => {
      const claim = claimAt(claims, path);
      if (typeof claim === 'string' && isFit(claim)) return claim;
      throw unfit(part, path);
    });
  };
  const tenant = fill('tenant', rule.tenant);
  const subject = `${issuer.id}:${fill('subject', rule.subject)}`;
  const names = rule.names.map((name) => fill('names', name));
  if (!isTenant(tenant)) throw unfit('tenant');
  if (!isSubject(subject)) throw unfit('subject');
  if (!names.every(isNamePattern)) throw unfit('names');
  const scopes = scopesOf(rule, claims);
  return { tenant, subject, scopes, names, issuer: issuer.id, rule: number };
};

/**
 * The scopes that a rule gives a token. With `scopesFrom`, only those that the token names in that
 * claim as well.
 */
const scopesOf = ({ scopes, scopesFrom }: Rule, claims: Claims): readonly string[] => {
  const allowed = withIncluded(scopes);
  if (scopesFrom === undefined) return allowed;
  const claim = claimAt(claims, scopesFrom);
  const named = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return allowed.filter((scope) => withIncluded(named).includes(scope));
};

/** Grants a token what its own claims `tenant`, `sub`, `scope` and `names` say. */
const byOwnClaims = (issuer: ClaimPolicy, claims: Claims): Grant => {
  const { tenant, sub, scope = '', names } = claims;
  if (typeof tenant !== 'string' || !isTenant(tenant)) throw unfit('tenant', 'tenant');
  if (typeof sub !== 'string' || !isSubject(sub)) throw unfit('subject', 'sub');
  if (typeof scope !== 'string') throw unfit('scopes', 'scope');
  if (!isNames(names)) throw unfit('names', 'names');
  const isBare = 'bareSubjects' in issuer && issuer.bareSubjects === true;
  const subject = isBare ? sub : `${issuer.id}:${sub}`;
  if (!isSubject(subject)) throw unfit('subject', 'sub');
  const scopes = withIncluded(scope.split(' ').filter((word) => word !== ''));
  return { tenant, subject, scopes, names, issuer: issuer.id, rule: undefined };
};

const isNames = (names: unknown): names is readonly string[] | undefined =>
  names === undefined ||
  (Array.isArray(names) &&
    names.length <= limits.namePatternsMax &&
    names.every((name) => typeof name === 'string' && isNamePattern(name)));
