/**
 * Finds different values of a claim that make one tenant, or one subject of an issuer: `{org}-{env}` makes
 * "acme-eu-prod" of "acme" and "eu-prod", and of "acme-eu" and "prod". A policy lists every value from which
 * a tenant is made, and may list those of a subject, so all are combined before any token comes.
 */
import { limits } from '../model/limits.ts';
import { isSubject, isTenant } from '../model/types.ts';
import { claimsInsertedBy, insertClaims } from './claims.ts';
import type { AccessPolicy, ClaimPath, Rule } from './policy.ts';
import { fitsInto } from './rules.ts';

/** A tenant or subject of a rule, by its path in the file, and values of the claims that it inserts. */
export type Combination = {
  readonly path: readonly PropertyKey[];
  readonly values: readonly (readonly [ClaimPath, string])[];
};

export type Collision =
  | { readonly text: string; readonly earlier: Combination; readonly later: Combination }
  /** The template with which the combinations become too many. */
  | { readonly tooMany: readonly PropertyKey[] };

/** The first collision of a policy, whose tenants are all of listed values; `undefined` if there is none. */
export const findCollision = (policy: AccessPolicy): Collision | undefined => {
  let combinations = 0;
  /** By text and claim: the first combination with this claim, and the value of the claim in it. */
  const known = new Map<string, { readonly combination: Combination; readonly value: string }>();
  for (const { path, scope, template, lists, isFit } of templatesOf(policy)) {
    combinations += lists.reduce((product, [, texts]) => product * texts.length, 1);
    if (combinations > limits.policyCombinationsMax) return { tooMany: path };
    for (const values of combine(lists)) {
      const text = insertClaims(template, (claim) => textOf(values, claim));
      if (!isFit(text)) continue;
      const combination = { path, values };
      for (const [claim, value] of values) {
        // Neither a tenant nor a subject holds a line break.
        const key = `${scope}\n${text}\n${pointerTo(claim)}`;
        const earlier = known.get(key);
        if (earlier === undefined) known.set(key, { combination, value });
        else if (earlier.value !== value)
          return { text, earlier: earlier.combination, later: combination };
      }
    }
  }
  return undefined;
};

const templatesOf = ({ issuers }: AccessPolicy) =>
  issuers.flatMap((entry, issuer) =>
    ('rules' in entry ? entry.rules : []).flatMap((rule, index) =>
      (['tenant', 'subject'] as const).map((part) => ({
        path: ['issuers', issuer, 'rules', index, part],
        // Subjects begin with the id of their issuer, and tenants are those of the whole vault.
        scope: part === 'tenant' ? part : issuer,
        template: rule[part],
        lists: listsFor(rule, part),
        isFit: part === 'tenant' ? isTenant : isSubject,
      })),
    ),
  );

type List = readonly [claim: ClaimPath, texts: readonly string[]];

/** The claims that a template inserts, each with the listed texts that fit, or with none if globs list it. */
const listsFor = ({ match, ...rule }: Rule, part: 'tenant' | 'subject'): readonly List[] => {
  const isFit = fitsInto(part, rule[part]);
  return [...new Set(claimsInsertedBy(rule[part]))].map((claim) => {
    const values = [match[claim] ?? []].flat();
    const texts = values.filter((value) => typeof value === 'string');
    const isListed = texts.every((text) => !text.includes('*'));
    return [claim, isListed ? texts.filter(isFit) : []];
  });
};

const combine = (lists: readonly List[]): readonly Combination['values'][] =>
  lists.reduce<readonly Combination['values'][]>(
    (made, [claim, texts]) =>
      made.flatMap((values) => texts.map((text) => [...values, [claim, text] as const])),
    [[]],
  );

const textOf = (values: Combination['values'], claim: ClaimPath): string =>
  values.find(([path]) => path === claim)?.[1] ?? '';

/** One spelling for a claim that may be named by its name or by a JSON Pointer. */
const pointerTo = (claim: ClaimPath): string =>
  claim.startsWith('/') ? claim : `/${claim.replaceAll('~', '~0').replaceAll('/', '~1')}`;
