/**
 * Writers that store values which nobody else stores, and a check that a vault kept its promises to
 * them. Whatever it acknowledged or showed before it died must be there, and nothing except what
 * they sent.
 */
import { randomUUID } from 'node:crypto';
import { exchange } from './raw-http.ts';

type Version = { readonly name: string; readonly version: number; readonly value: string };

/** A request, with its answer unless the vault died first. */
export type Attempt = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: { readonly [member: string]: unknown };
  readonly key?: string | undefined;
  /** The values that the request stores, by name. Empty for a read. */
  readonly stores: ReadonlyMap<string, string>;
  answer?: {
    readonly status: number;
    readonly text: string;
    readonly requestId: string;
    /** The versions that the vault has according to this answer. */
    readonly promised: readonly Version[];
  };
};

export type Caller = { readonly url: string; readonly token: string };

type Reply = {
  readonly name?: string;
  readonly version?: number;
  readonly value?: string;
  readonly created?: readonly { readonly name: string; readonly version: number }[];
};

const promisedBy = ({ stores }: Attempt, reply: Reply): readonly Version[] => {
  const { name = '', version = 0, value, created = [{ name, version }] } = reply;
  return created.map((one) => ({ ...one, value: value ?? stores.get(one.name) ?? '' }));
};

/**
 * Sends a request and keeps its answer. Throws if the connection breaks, or if the answer is not a
 * success.
 */
export const send = async ({ url, token }: Caller, attempt: Attempt): Promise<void> => {
  const { method, path, body, key } = attempt;
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(body && { 'Content-Type': 'application/json' }),
    ...(key && { 'Idempotency-Key': key }),
  };
  const raw = { method, url, path, headers, body: body && JSON.stringify(body) };
  const { status, text, headers: got } = await exchange(raw);
  if (status >= 300) throw new Error(`${method} ${path} → ${status} ${text}`);
  const promised = promisedBy(attempt, JSON.parse(text) as Reply);
  attempt.answer = { status, text, requestId: got.get('x-request-id') ?? '', promised };
};

const sharedNames = ['SHARED_A', 'SHARED_B', 'SHARED_C'] as const;
const kinds = ['create', 'keyed create', 'update', 'file', 'read', 'keyed file', 'keyed update'];

let drawn = 0;
const nextNumber = (): number => {
  drawn += 1;
  return drawn;
};
/** Returns a value that no other attempt stores. Every fifth one covers several pages of a disk. */
const newValue = (): string => {
  const number = nextNumber();
  return `value ${number} ${'-'.repeat(number % 5 === 0 ? 9_000 : 60)}`;
};

const create = (name: string, key?: string): Attempt => {
  const value = newValue();
  const stores = new Map([[name, value]]);
  return { method: 'POST', path: '/v1/secrets', body: { name, value }, key, stores };
};
const update = (name: string, key?: string): Attempt => {
  const value = newValue();
  return {
    ...create(name, key),
    method: 'PUT',
    path: `/v1/secrets/${name}`,
    body: { value },
    stores: new Map([[name, value]]),
  };
};
const file = (name: string, key?: string): Attempt => {
  const names = [name, `${name}_AND`];
  const stores = new Map(names.map((one) => [one, newValue()]));
  const content = names.map((one) => `${one}=enc(${one})\n`).join('');
  const body = { content, values: Object.fromEntries(stores) };
  return { method: 'POST', path: '/v1/env/encrypt', body, key, stores };
};
export const read = (name: string): Attempt => ({
  ...{ method: 'GET', path: `/v1/secrets/${name}`, stores: new Map() },
});

const nextAttempt = (turn: number): Attempt => {
  const name = `OWN_${nextNumber()}`;
  const shared = sharedNames[turn % sharedNames.length] ?? sharedNames[0];
  switch (kinds[turn % kinds.length]) {
    case 'create':
      return create(name);
    case 'keyed create':
      return create(name, randomUUID());
    case 'update':
      return update(shared);
    case 'keyed update':
      return update(shared, randomUUID());
    case 'file':
      return file(name);
    case 'keyed file':
      return file(name, randomUUID());
    default:
      return read(shared);
  }
};

/** Creates the secrets that all writers update. */
export const prepare = async (caller: Caller, attempts: Attempt[]): Promise<void> => {
  const shared = sharedNames.map((name) => create(name));
  attempts.push(...shared);
  await Promise.all(shared.map((attempt) => send(caller, attempt)));
};

const isBroken = (error: unknown): boolean =>
  ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(String((error as { code?: unknown }).code));

/** Whether the connection broke, or the vault answered that its store does not work. */
export const hasFailed = (error: unknown): boolean =>
  isBroken(error) || / → 50[03] /.test(String(error));

/**
 * Writes and reads until the connection breaks, or `isOver` says so. `writer` is the turn with
 * which it begins, so that several writers do different things at the same time.
 */
export const writeUntilBroken = async (
  caller: Caller,
  attempts: Attempt[],
  writer: number,
  isOver = isBroken,
): Promise<void> => {
  for (let turn = writer; ; turn += 1) {
    const attempt = nextAttempt(turn);
    attempts.push(attempt);
    try {
      await send(caller, attempt);
    } catch (error) {
      if (isOver(error)) return;
      throw error;
    }
  }
};

/**
 * What a vault contains: the values of each name, from version 1 on, and the keys for which it has
 * a record.
 */
export type Held = {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly hasRecord: (key: string) => boolean;
};

/**
 * Returns what is wrong with the content of a vault. `isPromised` says whether an answer was sent
 * before the vault died.
 */
export const brokenPromises = (
  attempts: readonly Attempt[],
  isPromised: (requestId: string) => boolean,
  { values, hasRecord }: Held,
): readonly string[] => {
  const problems: string[] = [];
  const sent = new Map<string, string>();
  for (const { stores, answer, key } of attempts) {
    for (const [name, value] of stores) sent.set(value, name);
    const kept = [...stores].filter(([name, value]) => values.get(name)?.includes(value));
    if (kept.length > 0 && kept.length < stores.size) {
      problems.push(`half of a file: ${kept.map(([name]) => name).join()}`);
    }
    if (key !== undefined && hasRecord(key) !== kept.length > 0) {
      problems.push(`a write and its record differ: ${[...stores.keys()].join()}`);
    }
    if (!answer || !isPromised(answer.requestId)) continue;
    for (const { name, version, value } of answer.promised) {
      if (values.get(name)?.[version - 1] !== value) problems.push(`lost: ${name}@${version}`);
    }
  }
  for (const [name, all] of values) {
    const others = all.filter((value) => sent.get(value) !== name);
    if (others.length > 0) problems.push(`nobody stored this in ${name}`);
    if (new Set(all).size < all.length) problems.push(`stored twice in ${name}`);
  }
  return problems;
};
