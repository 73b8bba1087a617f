/**
 * Reads an access policy from YAML and checks it strictly. Used by hosts, builds and `dsvault
 * policy`.
 */
import {
  array,
  type BaseIssue,
  boolean,
  check,
  custom,
  type InferOutput,
  type LengthInput,
  lazy,
  literal,
  looseObject,
  maxLength,
  minLength,
  optional,
  picklist,
  pipe,
  record,
  regex,
  safeParse,
  strictObject,
  string,
  union,
} from 'valibot';
import { type Document, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { limits } from '../model/limits.ts';
import { isNamePattern, isTenant, parseAskedInstant, scopes, tenantForm } from '../model/types.ts';
import {
  claimsInsertedBy,
  isWord,
  type ListedValues,
  matches,
  prepareValues,
  textAroundClaims,
} from './claims.ts';
import { type Combination, findCollision } from './collisions.ts';
import {
  type AccessPolicy,
  algorithms,
  type IssuerPolicy,
  isPrivateKey,
  localAudience,
  localIssuer,
  type Rule,
} from './policy-types.ts';

/** The public keys of the tokens that this machine issues, for `localKey: true`. */
export type LocalKeys = { readonly keys: readonly unknown[] };

export type ReadPolicy = {
  readonly policy: AccessPolicy;
  /** Sentences for the operator about rules of the policy that have no effect. */
  readonly warnings: readonly string[];
};

const notEmpty = <Input extends LengthInput>() => minLength<Input, 1, string>(1, 'is empty');
const atMost = <Input extends LengthInput>(max: number) =>
  maxLength<Input, number, string>(max, `has more than ${max}`);

const text = pipe(
  string('must be text'),
  notEmpty(),
  maxLength(limits.policyTextCharactersMax, 'is too long'),
);
const texts = pipe(array(text, 'must be a list'), atMost(limits.policyListMax));
const someTexts = pipe(texts, notEmpty());
const yes = literal(true, 'can only be true');

const claimPath = pipe(
  text,
  check(
    (path) =>
      !/[{}]/.test(path) && (!path.startsWith('/') || /^(?:\/(?:[^~/]|~[01])+)+$/.test(path)),
    'is not a claim: write the name of one, or a JSON Pointer such as /kubernetes.io/namespace',
  ),
);
const httpsAddress = pipe(
  text,
  check(
    // The check refuses an address with a user name or a password, because `fetch` refuses it too.
    (url) => /^https:\/\/[^/?#@]+(?:[/?#]|$)/.test(url) && URL.canParse(url),
    'must be an https:// address',
  ),
);
const instant = pipe(
  string('must be text'),
  check(
    (at) => parseAskedInstant(at) !== undefined,
    'must be an instant such as 2026-01-01T00:00:00Z',
  ),
);

const quoted = 'must be text, true or false; write a number in quotes';
const matchValue = union([text, boolean()], quoted);
const matchValues = pipe(array(matchValue), notEmpty(), atMost(limits.policyListMax));
const match = pipe(
  custom<object>((given) => !Array.isArray(given), 'must name claims and their values'),
  record(claimPath, union([matchValue, matchValues], quoted), 'must name claims and their values'),
  check((claims) => Object.keys(claims).length > 0, 'must name at least one claim'),
);

const template = pipe(
  text,
  check(
    (one) => !/[{}]/.test(textAroundClaims(one).join('')),
    'has a brace that is not part of a {claim}',
  ),
  check(
    (one) => claimsInsertedBy(one).every((path) => safeParse(claimPath, path).success),
    'has a {claim} that is neither the name of a claim nor a JSON Pointer',
  ),
);

/**
 * A claim in a name ends at a "." or at the end of the name, and the word inserted for it cannot
 * contain ".". So the names for one value of the claim never cover those for another value.
 */
const nameTemplate = pipe(
  template,
  check(
    (name) =>
      textAroundClaims(`${name}.`)
        .slice(1)
        .every((after) => after.startsWith('.')),
    'must end or go on with "." after each {claim}',
  ),
  check(
    (name) => isNamePattern(name.replaceAll(/\{[^{}]*\}/g, 'a')),
    'is not a name pattern: write a name, the beginning of names and *, or *',
  ),
);

const subjectTemplate = pipe(
  template,
  check(
    (subject) =>
      textAroundClaims(subject)
        .slice(1, -1)
        .every((between) => !isWord(between) && between !== ''),
    'must separate its claims with a character such as ":"',
  ),
);

const rule = pipe(
  strictObject({
    match,
    tenant: pipe(
      template,
      check((tenant) => isTenant(tenant.replaceAll(/\{[^{}]*\}/g, 'a')), `must be ${tenantForm}`),
    ),
    subject: subjectTemplate,
    scopes: pipe(
      array(picklist(scopes, `must be one of ${scopes.join(', ')}`), 'must be a list'),
      notEmpty(),
    ),
    scopesFrom: optional(claimPath),
    names: pipe(array(nameTemplate, 'must be a list'), notEmpty(), atMost(limits.namePatternsMax)),
  }),
  check(
    ({ tenant, match: claims }) => claimsInsertedBy(tenant).every((path) => isExact(claims[path])),
    'inserts a claim into tenant, so match must list exact texts for that claim',
  ),
);

const isExact = (values: unknown): boolean =>
  [values].flat().every((value) => typeof value === 'string' && !value.includes('*'));

const publicKey = pipe(
  // A key of a JWK set whose `kid` is a number would match no token, so `kid` must be a text.
  looseObject({ kty: string('must be text'), kid: optional(string('must be text, in quotes')) }),
  check((key) => !isPrivateKey(key), 'is not a public key'),
);

const id = pipe(
  text,
  regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 of the characters a-z, 0-9 and "-"'),
  check((word) => word !== 'default', 'is reserved'),
);

const deny = optional(
  strictObject({ sub: optional(texts), jti: optional(texts), before: optional(instant) }),
);

const remoteEntry = pipe(
  strictObject({
    id,
    issuer: text,
    audiences: someTexts,
    audienceClaim: optional(claimPath),
    sharedAudience: optional(boolean('must be true or false')),
    jwks: optional(strictObject({ keys: pipe(array(publicKey), notEmpty()) })),
    jwksUrl: optional(httpsAddress),
    discovery: optional(yes),
    algorithms: pipe(
      array(picklist(algorithms, `must be one of ${algorithms.join(', ')}`), 'must be a list'),
      notEmpty(),
    ),
    deny,
    rules: optional(pipe(array(rule, 'must be a list'), notEmpty(), atMost(limits.policyRulesMax))),
    vaultClaims: optional(yes),
  }),
  check(
    ({ jwks, jwksUrl, discovery }) => countOf(jwks, jwksUrl, discovery) === 1,
    'needs exactly one of jwksUrl, jwks and discovery',
  ),
  check(
    ({ rules, vaultClaims }) => countOf(rules, vaultClaims) === 1,
    'needs either rules or vaultClaims',
  ),
  check(
    ({ issuer, discovery }) =>
      !discovery || (safeParse(httpsAddress, issuer).success && !/[?#]/.test(issuer)),
    'uses discovery, so its issuer must be an https:// address without "?" and "#"',
  ),
);
const localEntry = strictObject({ id, localKey: yes, deny });

/**
 * The schema of a policy file, from which docs/access.schema.json is made. JSON Schema cannot
 * express all of its checks.
 */
export const policyFileSchema = strictObject({
  issuers: pipe(
    array(union([remoteEntry, localEntry])),
    notEmpty(),
    atMost(limits.policyIssuersMax),
  ),
});

/**
 * The same schema as `policyFileSchema`, but without a union, whose errors would not name a field:
 * each issuer is checked against the one schema that its own form needs.
 */
const outline = strictObject({
  issuers: pipe(
    array(
      lazy((entry) => (isLocal(entry) ? localEntry : remoteEntry)),
      'must be a list',
    ),
    notEmpty(),
    atMost(limits.policyIssuersMax),
  ),
});

const isLocal = (entry: unknown): boolean =>
  typeof entry === 'object' && entry !== null && 'localKey' in entry;

const countOf = (...values: readonly unknown[]): number =>
  values.filter((value) => value !== undefined).length;

/**
 * Reads a policy. `local` has the keys for `localKey: true`. Without them, which is how a policy
 * for another machine is read, `localKey` is a fault. Throws an error with one line per fault,
 * which names the line in the file and the field.
 */
export const parsePolicy = (source: string, local?: LocalKeys): ReadPolicy => {
  const { policyCharactersMax: max, policyCombinationsMax } = limits;
  if (source.length > max) throw new Error(`has more than ${max} characters`);
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    // Otherwise a directive in the YAML file could turn the texts `on` and `yes` into true, and 1
    // and "1" would be the same key.
    schema: 'core',
    stringKeys: true,
  });
  const fault = (path: readonly PropertyKey[], sentence: string): string => {
    const line = lineOf(document, lines, path);
    return `${line === undefined ? '' : `line ${line}: `}${fieldOf(path)} ${sentence}`;
  };
  const parsed = safeParse(outline, contentOf(document, lines));
  if (!parsed.success) {
    const faults = parsed.issues.slice(0, limits.policyFaultsMax).map((issue) => {
      const path = (issue.path ?? []).map(({ key }) => key as PropertyKey);
      return fault(path, sentenceOf(issue));
    });
    throw new Error(faults.join('\n'));
  }
  const { issuers: entries } = parsed.output;
  const issuers = entries.map((entry, index) => {
    if (!('localKey' in entry)) return entry as IssuerPolicy;
    if (local !== undefined) return localPolicyOf(entry, local);
    const sentence = 'works only for a vault on the machine that has its key';
    throw new Error(fault(['issuers', index, 'localKey'], sentence));
  });
  for (const field of ['id', 'issuer'] as const) {
    const twice = issuers.findIndex(
      (one, index) => issuers.findIndex((other) => other[field] === one[field]) < index,
    );
    if (twice >= 0)
      throw new Error(fault(['issuers', twice, field], 'is also used by another issuer'));
  }
  const collision = findCollision({ issuers });
  if (collision !== undefined) {
    if ('tooMany' in collision) {
      const sentence = `brings the combinations of claim values to more than ${policyCombinationsMax}`;
      throw new Error(fault(collision.tooMany, sentence));
    }
    const { text, earlier, later } = collision;
    const other = fault(earlier.path, `makes it from ${claimsOf(earlier)}`);
    throw new Error(
      fault(later.path, `makes ${JSON.stringify(text)} from ${claimsOf(later)}, and ${other}`),
    );
  }
  const warnings = issuers.flatMap((issuer, at) =>
    hiddenRulesOf(issuer).map(({ rule: index, behind }) =>
      fault(
        ['issuers', at, 'rules', index],
        `is never reached: rules[${behind}] matches every token that it matches`,
      ),
    ),
  );
  return { policy: { issuers }, warnings };
};

const claimsOf = ({ values }: Combination): string =>
  values.map(([claim, value]) => `${claim} ${JSON.stringify(value)}`).join(' and ');

/**
 * Keys that Valibot skips, so they are refused here. In the `match` of a rule, a skipped key would
 * let the rule apply to tokens without that claim.
 */
const skippedKeys: readonly unknown[] = ['__proto__', 'constructor', 'prototype'];

const contentOf = (document: Document.Parsed, lines: LineCounter): unknown => {
  const [broken] = document.errors;
  const lineAt = (offset: number) => `line ${lines.linePos(offset).line}`;
  if (broken !== undefined) {
    throw new Error(`${lineAt(broken.pos[0])}: is not valid YAML (${broken.message})`);
  }
  visit(document, {
    Pair: (_, { key }) => {
      if (!isScalar(key) || !skippedKeys.includes(key.value)) return;
      const line = lineAt(key.range?.[0] ?? 0);
      throw new Error(
        `${line}: ${key.value} is not a known property; write the claim as /${key.value}`,
      );
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    // The YAML has an alias without an anchor, or its aliases expand to too much.
    throw new Error(`is not valid YAML (${error instanceof Error ? error.message : error})`);
  }
};

const localPolicyOf = (
  { id, deny }: InferOutput<typeof localEntry>,
  jwks: LocalKeys,
): IssuerPolicy => ({
  id,
  issuer: localIssuer,
  audiences: [localAudience],
  algorithms: ['EdDSA'],
  jwks,
  deny,
  vaultClaims: true,
});

const sentenceOf = (
  issue: Pick<BaseIssue<unknown>, 'type' | 'expected' | 'received' | 'message'>,
): string => {
  if (issue.type !== 'strict_object') return issue.message;
  if (issue.expected === 'never') return 'is not a known property';
  return issue.received === 'undefined' ? 'is missing' : 'must be a mapping';
};

const fieldOf = (path: readonly PropertyKey[]): string =>
  path.length === 0
    ? 'the policy'
    : path
        .map((key, index) =>
          typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`,
        )
        .join('');

/** The line of the deepest part of the path that exists in the file. */
const lineOf = (
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined => {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
};

/**
 * The rules that no token reaches, each with an earlier rule that matches every token it would
 * match.
 */
const hiddenRulesOf = (issuer: IssuerPolicy): readonly { rule: number; behind: number }[] => {
  const rules = 'rules' in issuer ? issuer.rules : [];
  const prepared = rules.map(({ match: claims }) =>
    Object.entries(claims).map(([path, values]) => [path, prepareValues(values)] as const),
  );
  return rules.flatMap((later, rule) => {
    const behind = prepared.slice(0, rule).findIndex((earlier) => isAtLeastAsWide(earlier, later));
    return behind < 0 ? [] : [{ rule, behind }];
  });
};

/**
 * Whether `wide` matches every token that `narrow` matches: each claim that `wide` asks for is
 * asked for by `narrow` too, with no other values. A star in `narrow` is covered only by a star in
 * `wide`, which covers everything that the narrow one stands for.
 */
const isAtLeastAsWide = (
  wide: readonly (readonly [string, ListedValues])[],
  { match: narrow }: Rule,
): boolean =>
  wide.every(([path, values]) => {
    const asked = narrow[path];
    return asked !== undefined && [asked].flat().every((value) => matches(value, values));
  });
