import { describe, expect, it } from '@jest/globals';
import { fileEndpoint } from '../../functions/http/env-requests.ts';
import { problem } from '../../functions/http/responses.ts';
import { ApiError, type ErrorCode } from '../../functions/model/errors.ts';
import { limits } from '../../functions/model/limits.ts';
import {
  checkAt,
  checkReply,
  checkRoute,
  checkSchema,
  document,
  isNode,
  type Json,
  operations,
  parametersOf,
  resolved,
} from '../support/openapi.ts';

type Found = { readonly pointer: string; readonly node: { readonly [key: string]: Json } };

/** Returns every object in a part of the document, each with its JSON pointer. */
const walk = (node: Json, pointer = ''): Found[] => {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.entries(node).flatMap(([key, value]) =>
    walk(value, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
  return Array.isArray(node) ? below : [{ pointer, node: node as Found['node'] }, ...below];
};
const everything = walk(document);
const schemaNamed = (name: string): Found['node'] =>
  everything.find(({ pointer }) => pointer === `/components/schemas/${name}`)?.node ?? {};
/** Examples of bodies, parameters and headers, each with the pointer to its schema. */
const examples = everything.flatMap(({ pointer, node }) => {
  if (node['schema'] === undefined) return [];
  const named = Object.values((node['examples'] ?? {}) as Record<string, { value: Json }>);
  const all = named.map(({ value }) => value);
  if (node['example'] !== undefined) all.push(node['example']);
  return all.map((example) => ({ schema: `${pointer}/schema`, example }));
});
/** The discriminator's map from a problem's code to its schema. */
const mapping = (schemaNamed('Problem')['discriminator'] as unknown as Discriminator).mapping;
type Discriminator = { readonly mapping: Readonly<Record<string, string>> };
const problems = Object.values(mapping).flatMap(
  (reference) => schemaNamed(reference.split('/').at(-1) ?? '')['examples'] as unknown as Example[],
);
type Example = { readonly [member: string]: Json } & {
  readonly code: ErrorCode;
  readonly status: number;
};

describe('docs/openapi.yaml', () => {
  it('resolves every $ref', () => {
    const pointers = new Set(everything.map(({ pointer }) => pointer));
    for (const { node } of everything) {
      const reference = node['$ref'];
      if (typeof reference === 'string') expect(pointers).toContain(reference.slice(1));
    }
  });

  it('has only examples that match its own schemas', () => {
    const violations = examples.flatMap(({ schema, example }) => checkAt(schema, example));
    expect(violations).toEqual([]);
  });

  it('refuses unknown properties in requests, and allows new ones in replies', () => {
    const bodies = operations.flatMap(({ node }) => {
      const { content } = resolved(node['requestBody']);
      const json = isNode(content) ? resolved(content['application/json']) : {};
      return isNode(json['schema']) ? [String(json['schema']['$ref']).slice(1)] : [];
    });
    const closed = everything.filter(({ node }) => node['additionalProperties'] === false);
    expect(bodies.length).toBeGreaterThan(0);
    // Objects nested in a request body must be closed as well.
    const holders = closed.map(({ pointer }) => pointer.replace(/\/properties\/.*/, ''));
    expect([...new Set(holders)].sort()).toEqual([...new Set(bodies)].sort());
  });

  it.each(problems)('shows the problem $code exactly as the vault answers it', (example) => {
    expect(checkSchema('Problem', example)).toEqual([]);
    const { errors, errorsTotal, field, limit, scope, currentVersion } = example;
    const given = { errors, errorsTotal, field, limit, scope, currentVersion };
    const properties = JSON.parse(JSON.stringify(given));
    const error = new ApiError(example.code, String(example['detail']), { properties });
    const id = String(example['requestId']);
    const { status, body } = problem(error, id, undefined, fileEndpoint.explain);
    expect(JSON.parse(body)).toEqual(example);
    expect(status).toBe(example.status);
  });

  it('has one problem and one example for every code', () => {
    expect(problems.map(({ code }) => code)).toEqual(Object.keys(mapping));
    const references = Object.values(mapping).map(($ref) => ({ $ref }));
    expect(schemaNamed('Problem')['oneOf']).toEqual(references);
  });

  it('states the limits that the functions enforce', () => {
    const at = (path: string): Json | undefined => {
      const parts = path.split('.');
      const last = parts.pop() ?? '';
      const pointer = `/components/schemas/${parts.join('/properties/')}`;
      return everything.find((found) => found.pointer === pointer)?.node[last];
    };
    const name = `^[A-Za-z_][A-Za-z0-9_.-]{0,${limits.nameCharactersMax - 1}}$`;
    const stated: Readonly<Record<string, Json>> = {
      'SecretName.pattern': name,
      'Value.maxLength': Math.ceil(limits.valueBytesMax / 3) * 4,
      'Version.maximum': limits.versionMax,
      'EnvFile.maxLength': limits.fileBytesMax,
      'EnvReply.created.maxItems': limits.fileNamesMax,
      'EnvReply.resolved.maxItems': limits.fileNamesMax,
      'ExpandEnvReply.resolved.maxItems': limits.fileNamesMax,
      'VersionPage.versions.maxItems': limits.versionsPageMax,
      'NamePage.names.maxItems': limits.namesPageMax,
      'FileErrors.maxItems': limits.fileErrorsMax,
    };
    expect(Object.fromEntries(Object.keys(stated).map((path) => [path, at(path)]))).toEqual(stated);
    const pages = everything.filter(
      ({ node }) => node['name'] === 'limit' && node['in'] === 'query',
    );
    const { namesPageMax, namesPageDefault, versionsPageMax, versionsPageDefault } = limits;
    expect(pages.map(({ node }) => node['schema'])).toEqual([
      { type: 'integer', minimum: 1, maximum: namesPageMax },
      { type: 'integer', minimum: 1, maximum: versionsPageMax },
    ]);
    const sentences = [
      `The default is ${namesPageDefault}. With \`include=details\` the maximum and the default are ${limits.detailsPageMax}.`,
      `The default is ${versionsPageDefault}. With \`include=values\` the maximum and the default are ${limits.valuesPageMax}.`,
    ];
    expect(pages.map(({ node }) => node['description'])).toEqual(sentences);
  });

  it('has no parameter with a default', () => {
    const parameters = operations.flatMap(parametersOf).map(({ node }) => node);
    expect(parameters.length).toBeGreaterThan(20);
    expect(withDefault(parameters)).toEqual([]);
  });
});

/**
 * Returns the names of the parameters with a default. Some generated clients send a default with
 * every request, and the vault refuses it where it does not apply: `dryRun` next to a JSON body, or
 * the `limit` of names in a list with details.
 */
const withDefault = (parameters: readonly Found['node'][]): Json[] =>
  parameters
    .filter((node) => 'default' in resolved(node['schema']))
    .map((node) => node['name'] ?? null);

describe('the check that no parameter has a default', () => {
  it('finds a default in the schema of a parameter, and in one that it refers to', () => {
    const referred = { $ref: '#/components/schemas/EncodingSent' };
    expect(
      withDefault([
        { name: 'own', in: 'query', schema: { type: 'integer', default: 50 } },
        { name: 'referred', in: 'query', schema: referred },
        { name: 'none', in: 'query', schema: { type: 'integer' } },
      ]),
    ).toEqual(['own', 'referred']);
  });
});

describe('the check of a reply against openapi.yaml', () => {
  const standing: [string, string][] = [
    ['content-type', 'application/json'],
    ['x-request-id', '5c7f9d0e-6f0b-4d52-9a57-0f0d3b1f7c42'],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ];
  const created: [string, string][] = [...standing, ['location', 'secrets/A'], ['etag', '"1"']];
  const body = { name: 'A', version: 1, validFrom: '2026-11-24T14:30:48.123Z' };
  const check = (headers: [string, string][], sent: object, status = 201) =>
    checkReply('create-secret', status, new Map(headers), JSON.stringify(sent));

  it('accepts a reply that the document allows', () => {
    expect(check(created, body)).toEqual([]);
  });

  it.each(['x-request-id', 'cache-control', 'x-content-type-options', 'location', 'etag'])(
    'reports a missing header %s',
    (name) => {
      const others = created.filter(([header]) => header !== name);
      expect(check(others, body)).toHaveLength(1);
    },
  );

  it.each<[string, [string, string][], object, number]>([
    ['another status', [], {}, 202],
    ['another header', [['x-powered-by', 'a']], {}, 201],
    ['another content type', [['content-type', 'text/html']], {}, 201],
    ['another charset', [['content-type', 'application/json; charset=latin1']], {}, 201],
    ['another cache-control', [['cache-control', 'no-cache']], {}, 201],
    ['another property', [], { value: 'v' }, 201],
    ['another type of a property', [], { version: '1' }, 201],
    ['fewer properties', [], { validFrom: undefined }, 201],
  ])('refuses a reply with %s than the document describes', (_, headers, change, status) => {
    expect(check([...created, ...headers], { ...body, ...change }, status)).not.toEqual([]);
  });

  it('refuses an unknown property in each object of each example', () => {
    /**
     * Returns copies of the value: for each object in it, one copy with an unknown property in that
     * object.
     */
    const widened = (value: Json): Json[] => {
      if (Array.isArray(value)) {
        return value.flatMap((one, at) => widened(one).map((other) => value.with(at, other)));
      }
      if (!isNode(value)) return [];
      const below = Object.entries(value).flatMap(([key, part]) =>
        widened(part).map((other) => ({ ...value, [key]: other })),
      );
      return [{ ...value, unknown: 1 }, ...below];
    };
    const all = examples.flatMap(({ schema, example }) =>
      widened(example).map((example) => ({ schema, example })),
    );
    expect(all.length).toBeGreaterThan(60);
    expect(all.filter(({ schema, example }) => checkAt(schema, example).length === 0)).toEqual([]);
    const widenedProblems = problems.flatMap(widened);
    expect(widenedProblems.filter((one) => checkSchema('Problem', one).length === 0)).toEqual([]);
  });

  it('refuses a problem whose status, type, request id or properties differ from those of its code', () => {
    const exists = problems.find(({ code }) => code === 'secret_exists');
    const { errors, errorsTotal, ...problem } = exists ?? ({} as Example);
    const type: [string, string] = ['content-type', 'application/problem+json'];
    const headers = [...standing, type];
    expect(check(headers, problem, 409)).toEqual([]);
    for (const change of [
      { errors, errorsTotal },
      { retryable: true },
      { status: 400 },
      { limit: 65_536 },
      { instance: '/v1/secrets/A' },
      { requestId: 'another-request' },
    ]) {
      expect(check(headers, { ...problem, ...change }, 409)).not.toEqual([]);
    }
    expect(check(headers, problem, 400)).not.toEqual([]);
    expect(check(standing, problem, 409)).not.toEqual([]);
  });

  const noScope = 'Bearer error="insufficient_scope"';
  const noToken = 'Bearer error="invalid_token"';
  it.each<[ErrorCode, string, string]>([
    ['secret_exists', 'retry-after', '1'],
    ['throttled', 'retry-after', ''],
    ['identity_unavailable', 'retry-after', ''],
    ['master_key_incorrect', 'retry-after', '1'],
    ['forbidden', 'www-authenticate', ''],
    ['forbidden', 'www-authenticate', 'Bearer'],
    ['forbidden', 'www-authenticate', `${noScope}, scope="secrets:read"`],
    ['unauthenticated', 'www-authenticate', ''],
    [
      'unauthenticated',
      'www-authenticate',
      `${noToken}, error_description="the token has expired"`,
    ],
  ])('refuses the problem %s with the header %s: %j', (code, name, value) => {
    const example = problems.find((one) => one.code === code) ?? ({} as Example);
    const { errors, errorsTotal, ...sent } = example;
    const { scope, status } = sent;
    const error = new ApiError(code, String(sent['detail']), {
      properties: scope ? { scope: String(scope) } : {},
    });
    const own = problem(error, String(sent['requestId'])).headers ?? {};
    const headers = new Map(
      Object.entries(own).map(([header, text]) => [header.toLowerCase(), String(text)]),
    );
    const text = JSON.stringify(sent);
    expect(checkReply('create-secret', status, headers, text)).toEqual([]);
    if (value === '') headers.delete(name);
    else headers.set(name, value);
    expect(checkReply('create-secret', status, headers, text)).not.toEqual([]);
  });

  it('requires no-store, and the allowed methods, in replies of the gateway', () => {
    const [status, code] = [405, 'method_not_allowed'];
    const text = JSON.stringify(problems.find((example) => example.code === code));
    const headers = new Map([...standing, ['content-type', 'application/problem+json']] as const);
    expect(checkRoute(status, headers, text)).not.toEqual([]);
    headers.set('allow', 'GET, PUT');
    expect(checkRoute(status, headers, text)).toEqual([]);
    headers.delete('cache-control');
    expect(checkRoute(status, headers, text)).not.toEqual([]);
  });
});
