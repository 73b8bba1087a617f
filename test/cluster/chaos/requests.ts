/** The operations of a history as requests of the API, and its replies as what they tell. */
import type { Request } from './exchange.ts';
import type { Answer, Observation, Operation } from './history.ts';

/** A reply that the contract does not foresee here. */
export type Unplanned = { readonly unplanned: string };

/** The keys of a file's lines: what is stored, and what is read. */
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

/** With details, whose heads are read consistently: the names alone may lag behind. */
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

/** A version in a history, or the current one in a list of secrets. */
type Entry = {
  readonly version: number;
  readonly state: 'stored' | 'deleted' | 'destroyed';
  readonly value?: string;
  readonly note?: string;
  readonly destroyedAt?: string;
};

/** The version as the checker knows it. */
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

const named = (asked: Operation, { errors = [] }: Body): { readonly names?: readonly string[] } =>
  asked.kind === 'env'
    ? { names: [...new Set(errors.flatMap(({ name }) => (name === undefined ? [] : [name])))] }
    : {};

const ofVersions: ReadonlyMap<string, 'destroyed' | 'current' | 'empty'> = new Map([
  ['version_destroyed', 'destroyed'],
  ['version_current', 'current'],
  ['not_destroyable', 'empty'],
]);

/** Codes of refusals that pass, and after which nothing is written. */
const temporary = new Set([
  'store_unavailable',
  'throttled',
  'master_key_unavailable',
  'request_timeout',
]);

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
  if (body.code === 'secret_exists') return { outcome: 'exists', ...named(asked, body) };
  if (body.code === 'not_found') return { outcome: 'missing', ...named(asked, body) };
  if (body.code === 'version_conflict') {
    return { outcome: 'conflict', current: body.currentVersion ?? 0 };
  }
  // A version that the file resolved is destroyed since, so its repetition tells nothing more.
  if (body.code === 'version_destroyed' && asked.kind === 'env') return { outcome: 'unknown' };
  const ofVersion = ofVersions.get(body.code ?? '');
  if (ofVersion) return { outcome: ofVersion };
  if (body.code === 'outcome_unknown') return { outcome: 'unknown' };
  return temporary.has(body.code ?? '') ? { outcome: 'nothing' } : unplanned;
};
