/**
 * Checks replies against docs/openapi.yaml. A reply passes only if the document lists its status for the operation, its
 * content type, its headers and every property of its body. Anything that the document does not mention is a violation.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type Node = { readonly [key: string]: Json };

/** Header names are in lower case, as Node gives them. */
export type ReplyHeaders = ReadonlyMap<string, string>;
export type Operation = {
  readonly operationId: string;
  readonly method: string;
  /** The path with `{name}` or `{version}` for a segment that is a parameter. */
  readonly path: string;
  readonly node: Node;
};

const methods = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head', 'trace'];
/** Headers that HTTP servers and gateways add, and that are no part of the contract. */
const transportHeaders =
  /^(?:content-type|content-length|date|connection|keep-alive|transfer-encoding|server|via|x-amz.*|x-localstack)$/;

export const isNode = (value: Json | undefined): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document, which the first test file of a run leaves to the others as JSON: to parse YAML takes 0.2 s. */
const read = (): Node => {
  // Tests run in the folder of the project, because inside Jest a module does not know its own address.
  const text = readFileSync(resolve('docs/openapi.yaml'), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex');
  const parsed = join(tmpdir(), `openapi-${hash}.json`);
  try {
    return JSON.parse(readFileSync(parsed, 'utf8')) as Node;
  } catch {
    const document = parse(text) as Node;
    writeFileSync(`${parsed}.${process.pid}`, JSON.stringify(document));
    renameSync(`${parsed}.${process.pid}`, parsed);
    return document;
  }
};
export const document = read();

/**
 * The document leaves the objects of replies open, so that a later version may add properties. For the tests of this
 * version they are closed. A condition names only some properties of the object around it.
 */
const closed = (node: Json): Json => {
  if (Array.isArray(node)) return node.map(closed);
  if (!isNode(node)) return node;
  const isObject = isNode(node['properties']) && [node['type']].flat().includes('object');
  const isCondition = (key: string) => ['if', 'then', 'else'].includes(key);
  return {
    ...(isObject && { additionalProperties: false }),
    ...Object.fromEntries(
      Object.entries(node).map(([key, part]) => [key, isCondition(key) ? part : closed(part)]),
    ),
  };
};

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(closed(document) as Node, 'openapi');

const compiled = new Map<string, ValidateFunction>();
const validator = (pointer: string): ValidateFunction => {
  const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
  compiled.set(pointer, known);
  return known;
};

const step = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The node at a JSON pointer, and its actual pointer after following `$ref`s. */
const follow = (pointer: string): { pointer: string; node: Node } | undefined => {
  let node: Json | undefined = document;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    node = (node as { [key: string]: Json } | undefined)?.[key];
  }
  if (!isNode(node)) return undefined;
  const reference = node['$ref'];
  return typeof reference === 'string' ? follow(reference.slice(1)) : { pointer, node };
};

/** The node, or the one that its `$ref` leads to; empty if there is none. */
export const resolved = (node: Json | undefined): Node => {
  if (!isNode(node)) return {};
  const reference = node['$ref'];
  return typeof reference === 'string' ? (follow(reference.slice(1))?.node ?? {}) : node;
};

/** Every operation of the document. */
export const operations: readonly Operation[] = Object.entries(document['paths'] as Node).flatMap(
  ([path, item]) =>
    methods.flatMap((method) => {
      const node = isNode(item) ? item[method] : undefined;
      return isNode(node)
        ? [{ operationId: String(node['operationId']), method: method.toUpperCase(), path, node }]
        : [];
    }),
);

const pointerOf = ({ path, method }: Pick<Operation, 'path' | 'method'>): string =>
  `/paths${step(path)}/${method.toLowerCase()}`;

/** The parameters of an operation, those of its path included, each with its pointer. */
export const parametersOf = (operation: Operation): { pointer: string; node: Node }[] =>
  [`/paths${step(operation.path)}`, pointerOf(operation)].flatMap((holder) => {
    const list = follow(holder)?.node['parameters'];
    const entries = Array.isArray(list) ? list : [];
    return entries.flatMap((_, index) => follow(`${holder}/parameters/${index}`) ?? []);
  });

/**
 * The operation that a request reaches, or undefined if the gateway itself answers. HEAD reaches that of GET. A slash at
 * the end is ignored.
 */
export const operationOf = (method: string, pathname: string): Operation | undefined =>
  operations.find(
    (operation) =>
      operation.method === (method === 'HEAD' ? 'GET' : method) &&
      new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}/?$`).test(pathname),
  );

const schemaViolations = (pointer: string, value: unknown, what: string): string[] => {
  const validate = validator(pointer);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    (error) =>
      `${what}${error.instancePath} ${error.message ?? error.keyword} ${JSON.stringify(error.params)}`,
  );
};

const headerViolations = (response: string, documented: Node, headers: ReplyHeaders): string[] => {
  const violations: string[] = [];
  const known = new Map(Object.keys(documented).map((name) => [name.toLowerCase(), name]));
  for (const name of headers.keys()) {
    if (!known.has(name) && !transportHeaders.test(name)) violations.push(`header ${name} unknown`);
  }
  for (const [lower, name] of known) {
    const header = follow(`${response}/headers${step(name)}`);
    const value = headers.get(lower);
    if (value === undefined && header?.node['required'] === true) {
      violations.push(`header ${name} missing`);
    }
    if (value !== undefined && header !== undefined) {
      violations.push(...schemaViolations(`${header.pointer}/schema`, value, `header ${name}`));
    }
  }
  return violations;
};

const bodyViolations = (
  response: string,
  content: Node,
  type: string,
  text: string | undefined,
): string[] => {
  const media = type.split(';')[0]?.trim() ?? '';
  const parameters = type.slice(media.length);
  if (!Object.hasOwn(content, media)) return [`content type ${type} undocumented`];
  if (!/^(?:; ?charset=utf-8)?$/i.test(parameters)) return [`content type ${type} not UTF-8`];
  if (text === undefined) return [];
  const schema = `${response}/content${step(media)}/schema`;
  if (!media.endsWith('json')) return schemaViolations(schema, text, 'body');
  try {
    return schemaViolations(schema, JSON.parse(text), 'body');
  } catch {
    return ['body is not JSON'];
  }
};

const replyViolations = (
  pointer: string,
  headers: ReplyHeaders,
  text: string | undefined,
): string[] => {
  const response = follow(pointer);
  if (response === undefined) return [`${pointer} undocumented`];
  const content = response.node['content'];
  const violations = [
    ...headerViolations(response.pointer, (response.node['headers'] ?? {}) as Node, headers),
    ...(isNode(content)
      ? bodyViolations(response.pointer, content, headers.get('content-type') ?? '', text)
      : []),
  ];
  return violations.length > 0 || text === undefined
    ? violations
    : problemViolations(headers, text);
};

/** Finds differences between the headers and the body of a problem, which the schemas cannot express. */
const problemViolations = (headers: ReplyHeaders, text: string): string[] => {
  if (headers.get('content-type')?.startsWith('application/problem') !== true) return [];
  const { requestId, retryable, code, scope, detail } = JSON.parse(text) as Node;
  const [retryAfter, challenge] = [headers.get('retry-after'), headers.get('www-authenticate')];
  const violations: string[] = [];
  if (requestId !== headers.get('x-request-id')) violations.push('requestId is not X-Request-Id');
  // Whether an unclear write has this header depends on the request.
  if (code !== 'outcome_unknown' && (retryAfter !== undefined) !== retryable) {
    violations.push(`Retry-After is ${retryAfter}, but retryable ${retryable}`);
  }
  const told = [...(challenge ?? '').matchAll(/(?:error_description|scope)="([^"]*)"/g)];
  const expected = code === 'forbidden' ? [scope].filter(Boolean) : told.length > 0 ? [detail] : [];
  if (told.map(([, word]) => word).join() !== expected.join()) {
    violations.push(`WWW-Authenticate is ${challenge}`);
  }
  return violations;
};

/**
 * The faults of a function's reply, one sentence each; empty if it keeps the contract. `text` is `undefined` in answer
 * to HEAD.
 */
export const checkReply = (
  operationId: string,
  status: number,
  headers: ReplyHeaders,
  text: string | undefined,
): string[] => {
  const operation = operations.find((candidate) => candidate.operationId === operationId);
  if (operation === undefined) return [`operation ${operationId} undocumented`];
  return replyViolations(`${pointerOf(operation)}/responses/${status}`, headers, text);
};

/** The same for an answer of the gateway itself, which has the same form on any path. */
export const checkRoute = (
  status: number,
  headers: ReplyHeaders,
  text: string | undefined,
): string[] => {
  const names = new Map([
    [400, 'InvalidRequest'],
    [403, 'WebPageRefused'],
    [404, 'RouteNotFound'],
    [405, 'MethodNotAllowed'],
    [408, 'RequestTimeout'],
    [413, 'TooLarge'],
    [429, 'Throttled'],
  ]);
  return replyViolations(`/components/responses/${names.get(status) ?? status}`, headers, text);
};

/** Whether a value matches the schema of this name. */
export const checkSchema = (name: string, value: unknown): string[] =>
  schemaViolations(`/components/schemas${step(name)}`, value, name);

/** One sentence for each part of an accepted request's query or JSON body that the document does not allow. */
export const checkAccepted = (
  operation: Operation,
  target: string,
  json: string | undefined,
): string[] => {
  // The one route without a token, /health, ignores its query, as the document says.
  if (Array.isArray(operation.node['security'])) return [];
  const known = parametersOf(operation).filter(({ node }) => node['in'] === 'query');
  const query = new URLSearchParams(target.split('?').slice(1).join('?'));
  const violations = [...query].flatMap(([name, value]) => {
    const { pointer, node } = known.find((one) => one.node['name'] === name) ?? {};
    if (pointer === undefined) return [`the parameter ${name} was accepted, but is not documented`];
    const isNumber = resolved(node?.['schema'])['type'] === 'integer';
    const what = `the accepted parameter ${name}`;
    return schemaViolations(`${pointer}/schema`, isNumber ? Number(value) : value, what);
  });
  const { content, required } = resolved(operation.node['requestBody']);
  const isIgnored = !isNode(content) || (required !== true && json === '');
  if (json === undefined || isIgnored) return violations;
  const schema = `${pointerOf(operation)}/requestBody/content/application~1json/schema`;
  return [...violations, ...schemaViolations(schema, JSON.parse(json), 'the accepted body')];
};

/** Whether a value matches the schema at a JSON pointer of the document. */
export const checkAt = (pointer: string, value: unknown): string[] =>
  schemaViolations(pointer, value, pointer);
