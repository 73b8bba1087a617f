/**
 * Checks replies against docs/openapi.yaml. A reply passes only if the document lists its status
 * for the operation, its content type, its headers and every property of its body. Anything that
 * the document does not mention is a violation.
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

/** Header names are in lower case, as Node reports them. */
export type ReplyHeaders = ReadonlyMap<string, string>;
export type Operation = {
  readonly operationId: string;
  readonly method: string;
  /** The path of the operation, with `{name}` or `{version}` where a segment is a parameter. */
  readonly path: string;
  readonly node: Node;
};

const methods = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head', 'trace'];
/** Headers that HTTP servers and gateways add. They are not part of the contract. */
const transportHeaders =
  /^(?:content-type|content-length|date|connection|keep-alive|transfer-encoding|server|via|x-amz.*|x-localstack)$/;

export const isNode = (value: Json | undefined): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the document. Parsing the YAML takes 0.2 s, so the first test file of a run leaves the
 * document as JSON for the others.
 */
const read = (): Node => {
  // The path is relative to the working folder, which is that of the project: inside Jest a module
  // does not know its own address.
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
 * Returns the document with no further properties allowed in its objects. The document itself
 * allows them in replies, so that a later version can add some, but replies of this version must
 * not have any. A condition (`if`, `then`, `else`) stays as it is, because it names only some
 * properties of its object.
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

/**
 * Returns the node at a JSON pointer, and the pointer at which it was found after following
 * `$ref`s.
 */
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

/** Returns the node, or the node that its `$ref` points to; an empty one if there is none. */
export const resolved = (node: Json | undefined): Node => {
  if (!isNode(node)) return {};
  const reference = node['$ref'];
  return typeof reference === 'string' ? (follow(reference.slice(1))?.node ?? {}) : node;
};

export const operations: readonly Operation[] = Object.entries(document['paths'] as Node).flatMap(
  ([path, item]) =>
    methods.flatMap((method) => {
      const node = isNode(item) ? item[method] : undefined;
      return isNode(node)
        ? [{ operationId: String(node['operationId']), method: method.toUpperCase(), path, node }]
        : [];
    }),
);

/** The operations that need a token. */
export const guarded = operations.filter(
  ({ operationId }) => !['get-health', 'get-openapi'].includes(operationId),
);

const pointerOf = ({ path, method }: Pick<Operation, 'path' | 'method'>): string =>
  `/paths${step(path)}/${method.toLowerCase()}`;

/** Returns the parameters of an operation, including those of its path, each with its pointer. */
export const parametersOf = (operation: Operation): { pointer: string; node: Node }[] =>
  [`/paths${step(operation.path)}`, pointerOf(operation)].flatMap((holder) => {
    const list = follow(holder)?.node['parameters'];
    const entries = Array.isArray(list) ? list : [];
    return entries.flatMap((_, index) => follow(`${holder}/parameters/${index}`) ?? []);
  });

/**
 * Returns the operation that a request reaches, or undefined if the gateway itself answers. HEAD
 * reaches the operation of GET. A slash at the end is ignored.
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

/** Finds where the headers and the body of a problem disagree, which the schemas cannot express. */
const problemViolations = (headers: ReplyHeaders, text: string): string[] => {
  if (headers.get('content-type')?.startsWith('application/problem') !== true) return [];
  const { requestId, retryable, code, scope, detail } = JSON.parse(text) as Node;
  const [retryAfter, challenge] = [headers.get('retry-after'), headers.get('www-authenticate')];
  const violations: string[] = [];
  if (requestId !== headers.get('x-request-id')) violations.push('requestId is not X-Request-Id');
  // The header Retry-After must be there exactly if the problem is retryable. Only for
  // `outcome_unknown` it depends on the request.
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
 * Returns what is wrong with a function's reply, one sentence each; an empty list if it keeps the
 * contract. `text` is `undefined` if the request was HEAD.
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

/**
 * Like `checkReply`, but for an answer of the gateway itself, which does not depend on the path.
 */
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

/** Returns what is wrong with a value according to the schema with this name. */
export const checkSchema = (name: string, value: unknown): string[] =>
  schemaViolations(`/components/schemas${step(name)}`, value, name);

/**
 * Returns one sentence for each part of the query or the JSON body that the document does not
 * allow, although the vault accepted the request.
 */
export const checkAccepted = (
  operation: Operation,
  target: string,
  json: string | undefined,
): string[] => {
  // The routes without a token ignore their queries, as the document says.
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

/** Returns what is wrong with a value according to the schema at a JSON pointer of the document. */
export const checkAt = (pointer: string, value: unknown): string[] =>
  schemaViolations(pointer, value, pointer);
