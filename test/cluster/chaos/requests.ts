/**
 * Translates the operations of a history into requests of the API, and its replies into answers.
 */
import type { Request } from './exchange.ts';
import type { Answer, Copy, Observation, Operation } from './history.ts';

/** Describes a reply that the contract does not allow for its operation. */
export type Unplanned = { readonly unplanned: string };

/**
 * The keys of the lines in an env file: `STORED_0` and so on for the lines that store a secret, and
 * `READ_0` and so on for the lines that read one.
 */
const storedKey = (index: number): string => `STORED_${index}`;
const readKey = (index: number): string => `READ_${index}`;

const envRequest = ({
  creates,
  reads,
}: Extract<Operation, { kind: 'env' }>): Omit<Request, 'headers'> => {
  const lines = [
    ...creates.map(({ name }, index) => `${storedKey(index)}=enc(${name})`),
    ...reads.map((name, index) => `${readKey(index)}=secret(${name})`),
  ];
  const path =
    creates.length === 0 ? '/v1/env/expand' : reads.length === 0 ? '/v1/env/encrypt' : '/v1/env';
  const values = Object.fromEntries(creates.map(({ name, value }) => [name, value]));
  const body = { content: `${lines.join('\n')}\n`, ...(creates.length > 0 && { values }) };
  return { method: 'POST', path, body };
};

const bare = (asked: Operation): Omit<Request, 'headers'> => {
  switch (asked.kind) {
    case 'create':
      return {
        method: 'POST',
        path: '/v1/secrets',
        body: { name: asked.name, value: asked.value },
      };
    case 'update':
      return { method: 'PUT', path: `/v1/secrets/${asked.name}`, body: { value: asked.value } };
    case 'delete':
      return { method: 'DELETE', path: `/v1/secrets/${asked.name}`, body: { note: asked.value } };
    case 'get':
      return { method: 'GET', path: `/v1/secrets/${asked.name}`, body: undefined };
    case 'version':
      return {
        method: 'GET',
        path: `/v1/secrets/${asked.name}?version=${asked.wanted}`,
        body: undefined,
      };
    case 'destroy':
      return {
        method: 'DELETE',
        path: `/v1/secrets/${asked.name}/versions/${asked.wanted}`,
        body: undefined,
      };
    case 'versions':
      return {
        method: 'GET',
        path: `/v1/secrets/${asked.name}/versions?include=values`,
        body: undefined,
      };
    case 'list':
      return { method: 'GET', path: `/v1/secrets?${listQuery(asked)}`, body: undefined };
    case 'env':
      return envRequest(asked);
  }
};

/**
 * Asks for details, because those are read consistently from the heads. The names alone come from
 * an index, which may lag behind.
 */
const listQuery = ({
  reads: [first = ''],
  state,
}: Extract<Operation, { kind: 'list' }>): string => {
  const prefix = first.slice(0, first.lastIndexOf('_') + 1);
  return `prefix=${prefix}&include=details${state === 'deleted' ? '&state=deleted' : ''}`;
};

export const requestOf = (asked: Operation, token: string, key: string | undefined): Request => ({
  ...bare(asked),
  headers: {
    Authorization: `Bearer ${token}`,
    ...('ifMatch' in asked && { 'If-Match': `"${asked.ifMatch}"` }),
    ...(key !== undefined && { 'Idempotency-Key': key }),
  },
});

/**
 * One version in a reply of the API: a version of a history, or the current version in a list of
 * secrets.
 */
type Entry = {
  readonly version: number;
  readonly state: 'stored' | 'deleted' | 'destroyed';
  readonly value?: string;
  readonly note?: string;
  readonly destroyedAt?: string;
};

/** Returns the version in the form that the checker reads. */
export const seenOf = (name: string, entry: Entry): Observation => {
  const { version, state, value = '', note = '', destroyedAt = '' } = entry;
  if (state === 'stored') return { name, version, value };
  return { name, version, value: state === 'deleted' ? note : destroyedAt, state };
};

type Body = {
  readonly version?: number;
  readonly value?: string;
  readonly code?: string;
  readonly currentVersion?: number;
  readonly errors?: readonly { readonly name?: string }[];
  readonly destroyedAt?: string;
  readonly versions?: readonly Entry[];
  readonly secrets?: readonly (Entry & { readonly name: string })[];
  readonly content?: string;
  readonly created?: readonly { readonly name: string; readonly version: number }[];
  readonly resolved?: readonly { readonly name: string; readonly version: number }[];
};

const tellEnv = (asked: Extract<Operation, { kind: 'env' }>, body: Body): Answer | undefined => {
  const created = body.created ?? [];
  const isOfFile = created.map(({ name }) => name).join() === namesOf(asked.creates).join();
  if (!isOfFile) return undefined;
  const lines = new Map((body.content ?? '').split('\n').map((line) => splitAt(line, '=')));
  const seen: Observation[] = asked.reads.map((name, index) => ({
    name,
    version: body.resolved?.find((one) => one.name === name)?.version ?? 0,
    value: lines.get(readKey(index)) ?? '',
  }));
  return {
    outcome: 'done',
    ...(created.length > 0 && { versions: created.map(({ version }) => version) }),
    seen,
  };
};

const namesOf = (named: readonly { readonly name: string }[]) => named.map(({ name }) => name);

const splitAt = (line: string, separator: string): readonly [string, string] => {
  const at = line.indexOf(separator);
  return [line.slice(0, at), line.slice(at + 1)];
};

const tellDone = (asked: Operation, body: Body): Answer | undefined => {
  const { version, value, versions, secrets, destroyedAt } = body;
  const shown = (seen: readonly Observation[]): Answer => ({ outcome: 'done', seen });
  switch (asked.kind) {
    case 'create':
    case 'update':
    case 'delete':
      return version === undefined ? undefined : { outcome: 'done', version };
    case 'get':
    case 'version':
      if (version === undefined || value === undefined) return undefined;
      return shown([seenOf(asked.name, { version, value, state: 'stored' })]);
    case 'destroy':
      if (version === undefined || destroyedAt === undefined) return undefined;
      return shown([seenOf(asked.name, { version, destroyedAt, state: 'destroyed' })]);
    case 'versions':
      return versions && shown(versions.map((one) => seenOf(asked.name, one)));
    case 'list': {
      const listed = secrets?.filter(({ name }) => asked.reads.includes(name));
      return listed && shown(listed.map((one) => seenOf(one.name, one)));
    }
    case 'env':
      return tellEnv(asked, body);
  }
};

/** Returns what a refusal reveals; `undefined` if the contract does not allow its code here. */
export const tellRefusal = (
  asked: Operation | Copy,
  { code, currentVersion, errors = [] }: Pick<Body, 'code' | 'currentVersion' | 'errors'>,
): Answer | undefined => {
  const isOfFile = asked.kind === 'env';
  const named = isOfFile && { names: [...new Set(errors.flatMap(({ name }) => name ?? []))] };
  switch (code) {
    case 'secret_exists':
      return { outcome: 'exists', ...named };
    case 'not_found':
      return { outcome: 'missing', ...named };
    case 'version_conflict':
      return { outcome: 'conflict', current: currentVersion ?? 0 };
    case 'version_destroyed':
      // The file may have been stored, and a version that it read may have been destroyed since.
      // Then a repetition cannot show whether it was stored.
      return { outcome: isOfFile && asked.creates.length > 0 ? 'unknown' : 'destroyed' };
    case 'version_current':
      return { outcome: 'current' };
    case 'not_destroyable':
      return { outcome: 'empty' };
    case 'outcome_unknown':
      return { outcome: 'unknown' };
    case 'store_unavailable':
    case 'throttled':
    case 'master_key_unavailable':
    case 'request_timeout':
      return { outcome: 'nothing' };
    default:
      return undefined;
  }
};

export const tell = (asked: Operation, status: number, text: string): Answer | Unplanned => {
  const unplanned = { unplanned: `${asked.kind}: ${status} ${text.slice(0, 300)}` };
  let body: Body;
  try {
    body = JSON.parse(text);
  } catch {
    return unplanned;
  }
  const success = asked.kind === 'create' ? 201 : 200;
  if (status === success) return tellDone(asked, body) ?? unplanned;
  return tellRefusal(asked, body) ?? unplanned;
};
