/** Decides what the claims of a verified token allow, by the access policy. */
import { limits } from '../model/limits.ts';
import {
  isNamePattern,
  isSubject,
  isTenant,
  type Principal,
  parseAskedInstant,
} from '../model/types.ts';
import { type Claims, claimAt, claimsInsertedBy, insertClaims, isWord, matches } from './claims.ts';
import type { ClaimPath, DenyList, Judge, Rule } from './policy.ts';

type Granted = Omit<Principal, 'expires'>;

/** Why a token gets nothing. Only `dsvault policy test` tells this; a caller of the vault always gets the same answer. */
export type Refusal =
  | { readonly because: 'audience' }
  | { readonly because: 'several_audiences' }
  | { readonly because: 'denied'; readonly by: keyof DenyList }
  | { readonly because: 'no_rule' }
  /** The claims make no such part of a principal. */
  | { readonly because: 'unfit'; readonly part: Part; readonly claim?: ClaimPath };
type Part = 'tenant' | 'subject' | 'scopes' | 'names';

/** A rule that did not match, and its first claim that did not. */
type Mismatch = { readonly rule: number; readonly claim: ClaimPath };

export type Decision = { readonly mismatches: readonly Mismatch[] } & (
  | { readonly granted: Granted }
  | { readonly refusal: Refusal }
);

/** Decides about the claims of a token whose signature and issuer are verified. The order of the checks is the policy's. */
export const decide = (issuer: Judge, claims: Claims): Decision => {
  const refusal = audienceFault(issuer, claims) ?? denial(issuer.deny ?? {}, claims);
  if (refusal !== undefined) return { mismatches: [], refusal };
  const mismatches: Mismatch[] = [];
  if (!('rules' in issuer)) return { mismatches, ...attempt(() => byOwnClaims(issuer, claims)) };
  for (const [index, rule] of issuer.rules.entries()) {
    const number = index + 1;
    const differing = Object.entries(rule.match).find(
      ([path, values]) => !matches(claimAt(claims, path), values),
    );
    if (differing === undefined) {
      return { mismatches, ...attempt(() => byRule(issuer, rule, number, claims)) };
    }
    mismatches.push({ rule: number, claim: differing[0] });
  }
  return { mismatches, refusal: { because: 'no_rule' } };
};

/**
 * Why the token is not for this vault. A token with further audiences could have been sent here by one of them, so the
 * issuer's policy must allow it.
 */
export const audienceFault = (issuer: Judge, claims: Claims): Refusal | undefined => {
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

/** Carries the refusal through the functions below. */
class Refused extends Error {
  readonly refusal: Refusal;

  constructor(part: Part, claim?: ClaimPath) {
    super(part);
    this.refusal = { because: 'unfit', part, ...(claim !== undefined && { claim }) };
  }
}

const attempt = (
  grant: () => Granted,
): { readonly granted: Granted } | { readonly refusal: Refusal } => {
  try {
    return { granted: grant() };
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.refusal };
    throw error;
  }
};

const byRule = (issuer: Judge, rule: Rule, number: number, claims: Claims): Granted => {
  const fill = (part: Part, template: string, isFit: (text: string) => boolean): string =>
    insertClaims(template, (path) => {
      const claim = claimAt(claims, path);
      if (typeof claim === 'string' && isFit(claim)) return claim;
      throw new Refused(part, path);
    });
  const tenant = fill('tenant', rule.tenant, isWord);
  const isOneClaim = claimsInsertedBy(rule.subject).length === 1;
  const subject = `${issuer.id}:${fill('subject', rule.subject, isOneClaim ? isSubject : isWord)}`;
  const names = rule.names.map((name) => fill('names', name, isWord));
  if (!isTenant(tenant)) throw new Refused('tenant');
  if (!isSubject(subject)) throw new Refused('subject');
  if (!names.every(isNamePattern)) throw new Refused('names');
  const scopes = scopesOf(rule, claims);
  return { tenant, subject, scopes, names, issuer: issuer.id, rule: number };
};

/** The scopes of the rule that the token names too. */
const scopesOf = ({ scopes, scopesFrom }: Rule, claims: Claims): readonly string[] => {
  if (scopesFrom === undefined) return scopes;
  const claim = claimAt(claims, scopesFrom);
  const named = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return scopes.filter((scope) => named.includes(scope));
};

/** The principal that the claims `tenant`, `sub`, `scope` and `names` describe. */
const byOwnClaims = (issuer: Judge, claims: Claims): Granted => {
  const { tenant, sub, scope = '', names } = claims;
  if (typeof tenant !== 'string' || !isTenant(tenant)) throw new Refused('tenant', 'tenant');
  if (typeof sub !== 'string' || !isSubject(sub)) throw new Refused('subject', 'sub');
  if (typeof scope !== 'string') throw new Refused('scopes', 'scope');
  if (!isNames(names)) throw new Refused('names', 'names');
  const isBare = 'bareSubjects' in issuer && issuer.bareSubjects === true;
  const subject = isBare ? sub : `${issuer.id}:${sub}`;
  if (!isSubject(subject)) throw new Refused('subject', 'sub');
  const scopes = scope.split(' ').filter((word) => word !== '');
  return { tenant, subject, scopes, names, issuer: issuer.id, rule: undefined };
};

const isNames = (names: unknown): names is readonly string[] | undefined =>
  names === undefined ||
  (Array.isArray(names) &&
    names.length <= limits.namePatternsMax &&
    names.every((name) => typeof name === 'string' && isNamePattern(name)));
