/**
 * A server that answers every operation of docs/openapi.yaml with texts that contain commands for a
 * terminal.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isNode, type Json, type Node, operationOf, resolved } from './openapi.ts';

/**
 * A text with the characters that command a terminal: ESC, BEL, backspace, CR, CSI, U+202E, the
 * line separator, and a zero-width character above U+FFFF.
 */
export const commands = 'x\u001b[2J\u0007\b\r\u009b31m\u202e\u2028\u{e0001}y';
/**
 * The same text, then a line feed and a word. If a program prints the line feed as it is, the word
 * appears as a forged line.
 */
export const lie = `${commands}\nFORGED`;

export type Lies = {
  /**
   * Which properties of a reply contain lies besides those with free text. `words`: those with
   * values from a fixed set. `everything`: these, and numbers and booleans.
   */
  readonly also?: 'words' | 'everything';
  /** If set, every answer is a problem with this code. */
  readonly problem?: string;
  /**
   * Returns the reply to a request for the operation. It may be built from `lies`, the reply that
   * would be sent otherwise. `count` is the number of the request, from 1.
   */
  readonly reply?: ((operation: string, lies: Node, count: number) => Json) | undefined;
};

/**
 * Returns a reply that follows the schema. It has every property, and each list has one entry of
 * each variant.
 */
const lieFor = (node: Json | undefined, also: Lies['also'], key = ''): Json => {
  const schema = resolved(node);
  const variants = variantsOf(schema);
  if (variants.length > 0) return lieFor(variants[0], also, key);
  const { type, enum: words, const: word, properties, items } = schema;
  const kind = [type].flat().find((one) => one !== 'null');
  if (isNode(properties)) {
    const entries = Object.entries(properties);
    return Object.fromEntries(entries.map(([name, one]) => [name, lieFor(one, also, name)]));
  }
  if (kind === 'array') {
    const each = variantsOf(resolved(items));
    return (each.length > 0 ? each : [items]).map((one) => lieFor(one, also, key));
  }
  // Any other `nextCursor` would stop the command before it shows anything.
  if (key === 'nextCursor') return null;
  // A value or a file may have several lines, so a line feed in it forges nothing.
  if (['value', 'content', 'pinned'].includes(key)) return commands;
  if (also === 'everything') return lie;
  if (kind === 'boolean') return true;
  if (kind === 'integer' || kind === 'number') return 1;
  const known = word ?? (Array.isArray(words) ? words[0] : undefined);
  return also === undefined && known !== undefined ? known : lie;
};

const variantsOf = ({ oneOf, anyOf }: Node): readonly Node[] =>
  [oneOf, anyOf]
    .flat()
    .filter((one): one is Node => isNode(one) && resolved(one)['type'] !== 'null');

const problemOf = (code: string): Node => {
  const error = { line: 1, column: 1, code: lie, name: lie, key: lie, dialect: lie, reason: lie };
  const words = {
    code,
    detail: lie,
    title: lie,
    type: lie,
    requestId: lie,
    field: lie,
    scope: lie,
  };
  const more = { ...error, code: 'not_representable' };
  return { ...words, retryable: false, status: 400, errors: [error, more], errorsTotal: 3 };
};

/**
 * Returns the variables of a file as JSON, each with a value that contains commands for a terminal.
 */
const variablesOf = (content: string): string => {
  const keys = content.match(/^\w+(?==)/gm) ?? [];
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, commands])));
};

export type LyingVault = {
  readonly url: string;
  /** Sets how the next requests are answered. */
  readonly tell: (lies: Lies) => void;
  readonly close: () => void;
};

export const startLyingVault = async (): Promise<LyingVault> => {
  let lies: Lies = {};
  let count = 0;
  const replyTo = (operation: ReturnType<typeof operationOf>, asked: string): Json => {
    const { responses } = operation?.node ?? {};
    const { 200: ok, 201: created } = resolved(responses) as { readonly [status: number]: Json };
    const content = resolved(resolved(ok ?? created)['content']);
    const lied = lieFor(resolved(content['application/json'])['schema'], lies.also) as Node;
    const body = asked === '' ? {} : JSON.parse(asked);
    const told = body.dialect === 'json' ? { ...lied, content: variablesOf(body.content) } : lied;
    return lies.reply?.(operation?.operationId ?? '', told, count) ?? told;
  };
  const server = createServer(async (request, response) => {
    let asked = '';
    for await (const chunk of request) asked += chunk;
    const operation = operationOf(request.method ?? '', request.url?.replace(/\?.*/, '') ?? '');
    count += 1;
    const { problem } = lies;
    const reply = problem === undefined ? replyTo(operation, asked) : problemOf(problem);
    const isCreation = problem === undefined && operation?.operationId === 'create-secret';
    response
      .writeHead(problem === undefined ? (isCreation ? 201 : 200) : 400, {
        'Content-Type': problem === undefined ? 'application/json' : 'application/problem+json',
        // These are the only characters that command a terminal and may be in a header.
        'X-Request-Id': 'x\u009b31m\u0085',
      })
      .end(JSON.stringify(reply));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tell: (next) => {
      lies = next;
      count = 0;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
