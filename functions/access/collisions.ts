/**
 * Finds different claim values that produce the same tenant, or the same subject of an issuer. For
 * example, `{org}-{env}` makes "acme-eu-prod" from "acme" and "eu-prod", but also from "acme-eu"
 * and "prod". A policy lists every claim value that goes into a tenant, and may list those that go
 * into a subject, so all combinations of listed values are checked before any token arrives.
 */
import { limits } from '../model/limits.ts';
import { isSubject, isTenant } from '../model/types.ts';
import { claimsInsertedBy, insertClaims } from './claims.ts';
import type { AccessPolicy, ClaimPath, Rule } from './policy-types.ts';
import { fitsInto } from './rules.ts';

/**
 * The tenant or subject of a rule, by its path in the file, with one value for each claim that it
 * inserts.
 */
export type Combination = {
  readonly path: readonly PropertyKey[];
  readonly values: readonly (readonly [ClaimPath, string])[];
};

export type Collision =
  | { readonly text: string; readonly earlier: Combination; readonly later: Combination }
  /**
   * The policy makes more combinations than `limits.policyCombinationsMax`. `tooMany` is the path
   * in the file of the template that exceeds the limit.
   */
  | { readonly tooMany: readonly PropertyKey[] };

/**
 * The first collision of a policy; `undefined` if there is none. Every claim that a tenant inserts
 * must have listed values.
 */
export const findCollision = (policy: AccessPolicy): Collision | undefined => {
  let combinations = 0;
  /**
   * The key is a tenant or subject together with one claim. The entry has the first combination
   * that makes this text, and the value of the claim in it.
   */
  const known = new Map<string, { readonly combination: Combination; readonly value: string }>();
  for (const { path, scope, template, lists, isFit } of templatesOf(policy)) {
    combinations += lists.reduce((product, [, texts]) => product * texts.length, 1);
    if (combinations > limits.policyCombinationsMax) return { tooMany: path };
    for (const values of combine(lists)) {
      const text = insertClaims(template, (claim) => textOf(values, claim));
      if (!isFit(text)) continue;
      const combination = { path, values };
      for (const [claim, value] of values) {
        // `text` is a tenant or a subject. Neither contains a line break, so a line feed can
        // separate the parts of the key.
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
        // A subject begins with the id of its issuer, so it is unique per issuer. Tenants belong to
        // the whole vault.
        scope: part === 'tenant' ? part : issuer,
        template: rule[part],
        lists: listsFor(rule, part),
        isFit: part === 'tenant' ? isTenant : isSubject,
      })),
    ),
  );

type List = readonly [claim: ClaimPath, texts: readonly string[]];

/**
 * The claims that a template inserts, each with the listed values that fit into it. If a claim has
 * a glob among its values, its list is empty, so the template makes no combinations.
 */
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

/** The JSON Pointer of a claim, which a policy may also name without one. */
const pointerTo = (claim: ClaimPath): string =>
  claim.startsWith('/') ? claim : `/${claim.replaceAll('~', '~0').replaceAll('/', '~1')}`;
