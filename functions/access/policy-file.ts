/** Reads an access policy from YAML and checks it strictly, for hosts, builds and `dsvault policy`. */
import {
  array,
  type BaseIssue,
  boolean,
  check,
  custom,
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
import { isNamePattern, isTenant, parseAskedInstant, scopes } from '../model/types.ts';
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
} from './policy.ts';

/** The public keys of the tokens that this machine makes: those of `localKey: true`. */
export type LocalKeys = { readonly keys: readonly unknown[] };

export type ReadPolicy = {
  readonly policy: AccessPolicy;
  /** Sentences about rules that have no effect. */
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
    'names no claim: write its name, or a JSON Pointer such as /kubernetes.io/namespace',
  ),
);
const httpsAddress = pipe(
  text,
  check(
    // `fetch` refuses an address with a password.
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
    'has a brace that belongs to no {claim}',
  ),
  check(
    (one) => claimsInsertedBy(one).every((path) => safeParse(claimPath, path).success),
    'has a {claim} that names no claim',
  ),
);

/** Inserted words cannot hold ".", so one claim's names never cover those of another value of that claim. */
const nameTemplate = pipe(
  template,
  check(
    (name) =>
      textAroundClaims(`${name}.`)
        .slice(1)
        .every((after) => after.startsWith('.')),
    'must have "." or its end after a {claim}',
  ),
  check((name) => isNamePattern(name.replaceAll(/\{[^{}]*\}/g, 'a')), 'is no pattern of names'),
);

const subjectTemplate = pipe(
  template,
  check(
    (subject) =>
      textAroundClaims(subject)
        .slice(1, -1)
        .every((between) => !isWord(between) && between !== ''),
    'must part its claims with a character such as ":"',
  ),
);

const rule = pipe(
  strictObject({
    match,
    tenant: pipe(
      template,
      check((tenant) => isTenant(tenant.replaceAll(/\{[^{}]*\}/g, 'a')), 'is no tenant'),
    ),
    subject: subjectTemplate,
    scopes: pipe(
      array(picklist(scopes, `must be of ${scopes.join(', ')}`), 'must be a list'),
      notEmpty(),
    ),
    scopesFrom: optional(claimPath),
    names: pipe(array(nameTemplate, 'must be a list'), notEmpty(), atMost(limits.namePatternsMax)),
  }),
  check(
    ({ tenant, match: claims }) => claimsInsertedBy(tenant).every((path) => isExact(claims[path])),
    'tenant inserts a claim for which match does not list exact texts',
  ),
);

const isExact = (values: unknown): boolean =>
  [values].flat().every((value) => typeof value === 'string' && !value.includes('*'));

const publicKey = pipe(
  // A key whose id is a number would fit no token.
  looseObject({ kty: string('must be text'), kid: optional(string('must be text, in quotes')) }),
  check((key) => !isPrivateKey(key), 'is not a public key'),
);

const id = pipe(
  text,
  regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and "-"'),
  check((word) => word !== 'default', 'is reserved'),
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
      array(picklist(algorithms, `must be of ${algorithms.join(', ')}`), 'must be a list'),
      notEmpty(),
    ),
    deny: optional(
      strictObject({ sub: optional(texts), jti: optional(texts), before: optional(instant) }),
    ),
    rules: optional(pipe(array(rule, 'must be a list'), notEmpty(), atMost(limits.policyRulesMax))),
    vaultClaims: optional(yes),
  }),
  check(
    ({ jwks, jwksUrl, discovery }) => countOf(jwks, jwksUrl, discovery) === 1,
    'needs one of jwksUrl, jwks and discovery',
  ),
  check(
    ({ rules, vaultClaims }) => countOf(rules, vaultClaims) === 1,
    'needs either rules or vaultClaims',
  ),
  check(
    ({ issuer, discovery }) =>
      !discovery || (safeParse(httpsAddress, issuer).success && !/[?#]/.test(issuer)),
    'issuer must be an https:// address without "?" and "#" for discovery',
  ),
);
const localEntry = strictObject({ id, localKey: yes });

/** The schema of the file, for docs/access.schema.json. JSON Schema cannot express all of its checks. */
export const policyFileSchema = strictObject({
  issuers: pipe(
    array(union([remoteEntry, localEntry])),
    notEmpty(),
    atMost(limits.policyIssuersMax),
  ),
});

/** The same with the entries checked one by one, because the faults of a union name no field. */
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
 * Reads a policy. `local` are the keys of this machine's own tokens; a policy for another machine has none.
 * Throws an error whose message has one line for each fault, with the line in the file and the field.
 */
export const parsePolicy = (source: string, local?: LocalKeys): ReadPolicy => {
  const { policyCharactersMax: max, policyCombinationsMax } = limits;
  if (source.length > max) throw new Error(`has more than ${max} characters`);
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    // Otherwise a directive could turn the texts `on` and `yes` into true, and 1 and "1" would be one key.
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
    if (local !== undefined) return localPolicyOf(entry.id, local);
    const sentence = 'works only for a vault that runs on the machine of its key';
    throw new Error(fault(['issuers', index, 'localKey'], sentence));
  });
  for (const field of ['id', 'issuer'] as const) {
    const twice = issuers.findIndex(
      (one, index) => issuers.findIndex((other) => other[field] === one[field]) < index,
    );
    if (twice >= 0)
      throw new Error(fault(['issuers', twice, field], 'is that of another issuer too'));
  }
  const collision = findCollision({ issuers });
  if (collision !== undefined) {
    if ('tooMany' in collision) {
      const sentence = `makes more than ${policyCombinationsMax} combinations, with those before it`;
      throw new Error(fault(collision.tooMany, sentence));
    }
    const { text, earlier, later } = collision;
    const other = fault(earlier.path, `makes it of ${claimsOf(earlier)}`);
    throw new Error(
      fault(later.path, `makes ${JSON.stringify(text)} of ${claimsOf(later)}, and ${other}`),
    );
  }
  const warnings = issuers.flatMap((issuer, at) =>
    hiddenRulesOf(issuer).map(({ rule: index, behind }) =>
      fault(
        ['issuers', at, 'rules', index],
        `is never reached: each token that it matches is decided by rules[${behind}]`,
      ),
    ),
  );
  return { policy: { issuers }, warnings };
};

const claimsOf = ({ values }: Combination): string =>
  values.map(([claim, value]) => `${claim} ${JSON.stringify(value)}`).join(' and ');

/** Valibot skips these keys. In a match, the rule would then hold for tokens without the claim. */
const skippedKeys: readonly unknown[] = ['__proto__', 'constructor', 'prototype'];

const contentOf = (document: Document.Parsed, lines: LineCounter): unknown => {
  const [broken] = document.errors;
  const lineAt = (offset: number) => `line ${lines.linePos(offset).line}`;
  if (broken !== undefined) {
    throw new Error(`${lineAt(broken.pos[0])}: is no YAML (${broken.message})`);
  }
  visit(document, {
    Pair: (_, { key }) => {
      if (!isScalar(key) || !skippedKeys.includes(key.value)) return;
      const line = lineAt(key.range?.[0] ?? 0);
      throw new Error(`${line}: ${key.value} is no known property; the claim is /${key.value}`);
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    // An alias has no anchor, or aliases multiply.
    throw new Error(`is no YAML (${error instanceof Error ? error.message : error})`);
  }
};

const localPolicyOf = (id: string, jwks: LocalKeys): IssuerPolicy => ({
  id,
  issuer: localIssuer,
  audiences: [localAudience],
  algorithms: ['EdDSA'],
  jwks,
  vaultClaims: true,
});

const sentenceOf = (
  issue: Pick<BaseIssue<unknown>, 'type' | 'expected' | 'received' | 'message'>,
): string => {
  if (issue.type !== 'strict_object') return issue.message;
  if (issue.expected === 'never') return 'is not known';
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

/** The line of the deepest part of the path that is in the file. */
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

/** The rules that no token reaches, each with the earlier rule that matches every token which it matches. */
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
 * Whether each claim that `wide` asks for is asked for by `narrow` too, with no other values. A star of
 * `narrow` is covered only by a star of `wide`, which covers all that the narrow one stands for.
 */
const isAtLeastAsWide = (
  wide: readonly (readonly [string, ListedValues])[],
  { match: narrow }: Rule,
): boolean =>
  wide.every(([path, values]) => {
    const asked = narrow[path];
    return asked !== undefined && [asked].flat().every((value) => matches(value, values));
  });
