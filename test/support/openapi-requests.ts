/** Draws random requests, both valid and invalid according to docs/openapi.yaml. */
import fc from 'fast-check';
import { intBelow, oneOf, type Random } from './adversary/random.ts';
import { fileText } from './env-files.ts';
import {
  isNode,
  type Json,
  type Node,
  type Operation,
  operations,
  parametersOf,
  resolved,
} from './openapi.ts';

/** A randomly drawn request, still without a token. */
export type Drawn = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Uint8Array | undefined;
  /** How many parts of the request were made wrong on purpose. */
  readonly faults: number;
};

/**
 * The names from which requests are drawn. There are few, so that many requests are about the same
 * secrets.
 */
const names = ['DB', 'API_KEY', '_', 'a.b-c', 'constructor', '__proto__', 'N'.repeat(128)] as const;
const odd = [
  ...(['', ' ', '\u0000', 'é', '😀', '..', '%', '*', '"', '\\', '\n', '-1', '0', '1e3'] as const),
  ...(['null', '{}', 'x'.repeat(2_000), '\ud800', '\uFEFF', '٣'] as const),
] as const;

/**
 * The notes from which requests are drawn. Their pattern uses Unicode categories, for which
 * fast-check cannot generate texts.
 */
const notes = ['rotated after the audit', 'é 😀', 'x'.repeat(512), 'hunter2', 'aGVsbG8='] as const;

const samples = new Map<string, readonly string[]>();
/** Returns a text that matches the pattern. The candidates are the same in every run. */
const textOfPattern = (random: Random, pattern: string): string => {
  const known =
    samples.get(pattern) ??
    fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 40, seed: pattern.length });
  samples.set(pattern, known);
  return known[intBelow(random, known.length)] ?? '';
};
const files = fc.sample(fileText, { numRuns: 400, seed: 1 });
/**
 * Draws a file: either a text close to the grammar, or one with references to existing and missing
 * names.
 */
const fileOf = (random: Random): string => {
  if (random() < 0.4) return files[intBelow(random, files.length)] ?? '';
  const line = (): string => {
    const name = oneOf(random, names);
    const key = `K${intBelow(random, 1_000)}`;
    return oneOf(random, [
      `${key}=secret(${name})`,
      `${key}="a secret(${name}@${intBelow(random, 4)}) b"`,
      `NEW${intBelow(random, 50)}=v\n${key}=enc(NEW${intBelow(random, 50)})`,
      `${name.replaceAll(/\W/g, '')}=v\n${key}="enc(${name}@next)"`,
      `${key}='plain' # comment`,
    ]);
  };
  return Array.from({ length: intBelow(random, 5) }, line).join('\n');
};

/** Draws a value that matches a schema. */
const drawValue = (random: Random, schema: Json | undefined, member = ''): Json => {
  const node = resolved(schema);
  const { enum: choices, type, pattern, const: only } = node;
  if (only !== undefined) return only;
  if (Array.isArray(choices)) return choices[intBelow(random, choices.length)] ?? null;
  if (member === 'name') return oneOf(random, names);
  if (member === 'content') return fileOf(random);
  if (member === 'note') return oneOf(random, notes);
  if (type === 'boolean') return random() < 0.5;
  if (type === 'integer') return 1 + intBelow(random, Number(node['maximum'] ?? 100));
  if (type === 'object' || isNode(node['properties'])) return objectOf(random, node);
  if (typeof pattern === 'string') return textOfPattern(random, pattern);
  return oneOf(random, ['hunter2', 'aGVsbG8=', ...odd.slice(0, -3)]);
};
const objectOf = (random: Random, node: Node): Node => {
  const required = Array.isArray(node['required']) ? node['required'] : [];
  const properties = Object.entries(isNode(node['properties']) ? node['properties'] : {});
  const members = properties
    .filter(([name]) => required.includes(name) || random() < 0.3)
    .map(([name, schema]) => [name, drawValue(random, schema, name)] as const);
  if (properties.length > 0) return Object.fromEntries(members);
  if (random() < 0.5) return {};
  return { [oneOf(random, names)]: drawValue(random, node['additionalProperties']) };
};

/** Makes a body wrong in one of many ways. */
const spoil = (random: Random, text: string): string | Uint8Array => {
  const bytes = Buffer.from(text);
  const at = intBelow(random, Math.max(1, bytes.length));
  return oneOf<() => string | Uint8Array>(random, [
    () => '',
    () => text.slice(0, at),
    () => `${text}${text}`,
    () => `\uFEFF${text}`,
    () => text.replace('{', '{"unknown":1,'),
    () => text.replace('{', '{"name":"DB","value":"x","content":"A=1",'),
    () => text.replace(/"[^"]*"(?=[,}])/, '"\\ud800"'),
    () =>
      text.replace(
        '{',
        oneOf(random, ['{"note":"",', '{"note":"a\\u0007b",', `{"note":"${'é'.repeat(257)}",`]),
      ),
    () => text.replace(/:"[^"]*"/, ':7'),
    () => text.replace(/:"[^"]*"/, ':null'),
    () => text.replace(/:"[^"]*"/, `:${'['.repeat(20)}${']'.repeat(20)}`),
    () => text.replace(/:"[^"]*"/, `:"${'x'.repeat(65_537)}"`),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at)]),
    () => bytes.map((byte, index) => (index === at ? intBelow(random, 256) : byte)),
    () => Uint8Array.from({ length: 40 }, () => intBelow(random, 256)),
    () => (random() < 0.02 ? 'x'.repeat(1_048_577) : 'null'),
  ])();
};

/**
 * Draws a request to any operation of the document. Its parts are valid, except for those that
 * chance makes wrong.
 */
export const drawRequest = (random: Random): Drawn => {
  const operation = operations[intBelow(random, operations.length)];
  if (!operation) throw new Error('the document has no operations');
  let faults = 0;
  const spoils = (share: number): boolean => {
    const isSpoiled = random() < share;
    if (isSpoiled) faults += 1;
    return isSpoiled;
  };
  const query: string[] = [];
  const headers: Record<string, string | string[]> = {};
  for (const { node } of parametersOf(operation)) {
    const { name, in: place, schema, required } = node;
    if (place === 'path' || (required !== true && random() < 0.6)) continue;
    const value = spoils(0.2) ? oneOf(random, odd) : String(drawValue(random, schema ?? null));
    if (place === 'query') query.push(`${name}=${encodeURIComponent(value.toWellFormed())}`);
    // Removes the characters that no client can send in a header.
    else headers[String(name)] = value.replace(/[^\x20-\x7e\xa0-\xff]/g, '') || '""';
  }
  if (spoils(0.05))
    query.push(oneOf(random, ['unknown=1', 'limit=1&limit=2', 'version=1&at=', '%', 'a=%00']));
  const name = spoils(0.08)
    ? encodeURIComponent((oneOf(random, odd) || ' ').toWellFormed())
    : oneOf(random, names);
  const version = spoils(0.08)
    ? encodeURIComponent((oneOf(random, odd) || ' ').toWellFormed())
    : String(1 + intBelow(random, 5));
  const body = bodyOf(random, operation, headers, spoils);
  return {
    method: spoils(0.02)
      ? oneOf(random, ['DELETE', 'PATCH', 'PUT', 'POST', 'OPTIONS', 'HEAD'])
      : operation.method,
    path:
      operation.path.replace('{name}', name).replace('{version}', version) +
      (query.length > 0 ? `?${query.join('&')}` : ''),
    headers,
    body,
    faults,
  };
};

const bodyOf = (
  random: Random,
  { node }: Operation,
  headers: Record<string, string | string[]>,
  spoils: (share: number) => boolean,
): string | Uint8Array | undefined => {
  const { content: media, required } = resolved(node['requestBody']);
  if (required === false && random() < 0.5) return undefined;
  const content = resolved(media);
  const types = Object.keys(content);
  const type = types[intBelow(random, types.length)];
  if (type === undefined) return undefined;
  const others = ['text/html', '', 'application/json; charset=latin1', 'text/plain;charset=utf-8'];
  headers['Content-Type'] = spoils(0.04) ? (others[intBelow(random, 4)] ?? '') : type;
  const schema = resolved(content[type])['schema'];
  const text = type === 'text/plain' ? fileOf(random) : JSON.stringify(drawValue(random, schema));
  return spoils(0.3) ? spoil(random, text) : text;
};
