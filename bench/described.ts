/**
 * Any HTTP store of secrets, from a description of its requests. `{name}`, `{value}` and the
 * `captures` of replies are inserted into paths and bodies, and `{env.NAME}` into headers. A text
 * that is nothing but one placeholder becomes the value itself, a number or a text.
 */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { failure, sentenceOf, usage } from '../system/failures.ts';
import type { Exchange, Sender } from './http.ts';

const step = v.strictObject({
  method: v.string(),
  path: v.string(),
  body: v.optional(v.record(v.string(), v.unknown())),
  /** The status that the reply must have. */
  status: v.number(),
  /**
   * The parts of the reply to keep, as a name and the path of the value in its JSON
   * (`data.version`).
   */
  captures: v.optional(v.record(v.string(), v.string())),
});
const description = v.strictObject({
  name: v.string(),
  /** The program's name in the process list. Its processor time is counted. */
  program: v.optional(v.string()),
  headers: v.record(v.string(), v.string()),
  operations: v.strictObject({
    create: step,
    update: step,
    get: step,
    version: v.optional(step),
    versions: v.optional(step),
  }),
});
type Step = v.InferOutput<typeof step>;
export type Description = v.InferOutput<typeof description>;
export type SingleOperation = keyof Description['operations'];

/** The data of one secret: its name, its value, and what was captured from the replies about it. */
export type Secret = Record<string, unknown>;

/** Throws a user-facing error if the text does not describe a store. */
export const parseDescription = (text: string): Description => {
  try {
    return v.parse(description, JSON.parse(text));
  } catch (error) {
    throw usage(`this describes no store: ${sentenceOf(error)}`, error);
  }
};

export const readDescription = (file: string): Description => {
  try {
    return parseDescription(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usage(`${file}: ${sentenceOf(error)}`, error);
  }
};

const placeholder = /\{([\w.]+)\}/g;
const fillText = (text: string, values: Secret): string =>
  text.replaceAll(placeholder, (_, name: string) => String(values[name] ?? ''));

const fill = (part: unknown, values: Secret): unknown => {
  if (typeof part === 'string') {
    const [, only] = /^\{([\w.]+)\}$/.exec(part) ?? [];
    return only === undefined ? fillText(part, values) : values[only];
  }
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map((each) => fill(each, values));
  return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, fill(each, values)]));
};

const exchangeOf = (
  { method, path, body }: Step,
  headers: Readonly<Record<string, string>>,
  secret: Secret,
): Exchange => ({
  method,
  path: fillText(path, secret),
  headers,
  body: body && JSON.stringify(fill(body, secret)),
});

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, name) => Object(inner)[name], value);

/** Returns the captures of a reply, by name. */
const capturesOf = ({ captures = {} }: Step, text: string): Secret => {
  const places = Object.entries(captures);
  if (places.length === 0) return {};
  const reply: unknown = JSON.parse(text);
  return Object.fromEntries(places.map(([name, path]) => [name, at(reply, path)]));
};

/**
 * Performs one operation on a secret, and adds the captures of its reply to the secret. Rejects if
 * the status differs.
 */
export type Performer = (
  client: number,
  operation: SingleOperation,
  secret: Secret,
) => Promise<void>;

/**
 * Creates the function that performs the operations of a described store. `environment` has the
 * values for `{env.NAME}` in headers.
 */
export const createPerform = (
  { name: store, headers, operations }: Description,
  send: Sender,
  environment: Readonly<Record<string, string | undefined>>,
): Performer => {
  const named = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [`env.${name}`, value]),
  );
  const filled = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, fillText(value, named)]),
  );
  return async (client, operation, secret) => {
    const wanted = operations[operation];
    if (wanted === undefined) throw failure(`${store} has no operation ${operation}`);
    const { status, text } = await send(client, exchangeOf(wanted, filled, secret));
    if (status !== wanted.status) {
      throw failure(`${store} answered ${operation} with ${status}: ${text.slice(0, 300)}`);
    }
    Object.assign(secret, capturesOf(wanted, text));
  };
};
