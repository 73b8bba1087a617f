/** Requests of every kind to every function, with what they need to be prepared. */
import { randomBytes } from 'node:crypto';
import { freshName, type RunningVault } from './running-vault.ts';

type Headers = Readonly<Record<string, string>>;
type Send = () => Promise<unknown>;
export type Kind = {
  readonly name: string;
  /**
   * Prepares what the request needs. Returns a function that sends the request. Each call prepares
   * a new request.
   */
  readonly prepare: (vault: RunningVault, token: string) => Promise<Send>;
};

const headersOf = (keyed: boolean): Headers =>
  keyed ? { 'Idempotency-Key': randomBytes(16).toString('base64url') } : {};

/** Makes a secret whose second version is a deletion. Returns its name. */
const makeDeleted = async (vault: RunningVault, token: string): Promise<string> => {
  const name = freshName('GONE');
  await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'one' } });
  const deleted = await vault.call('DELETE', `/v1/secrets/${name}`, { token });
  if (deleted.json.version !== 2) throw new Error(`not prepared: ${deleted.text}`);
  return name;
};

/**
 * Makes a secret with three versions. Returns its name, and an instant at which the second was
 * valid.
 */
const makeOld = async (vault: RunningVault, token: string) => {
  const name = freshName('OLD');
  await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'one' } });
  const update = (value: string) =>
    vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value } });
  const second = await update('two');
  const third = await update('three');
  if (third.json.version !== 3) throw new Error(`not prepared: ${third.text}`);
  return { name, at: second.json.validFrom };
};

const create =
  (keyed: boolean, makeName: typeof makeDeleted = async () => freshName()): Kind['prepare'] =>
  async (vault, token) => {
    const body = { name: await makeName(vault, token), value: 'v' };
    const headers = headersOf(keyed);
    return () => vault.call('POST', '/v1/secrets', { token, body, headers });
  };

const update =
  (more: Headers, keyed = false): Kind['prepare'] =>
  async (vault, token) => {
    const { name } = await makeOld(vault, token);
    const headers = { ...headersOf(keyed), ...more };
    return () => vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value: 'v' }, headers });
  };

const copy =
  (from: object, { keyed = false, create = false } = {}): Kind['prepare'] =>
  async (vault, token) => {
    const { name } = await makeOld(vault, token);
    const source = 'version' in from ? from : { name: (await makeOld(vault, token)).name };
    const path = `/v1/secrets/${create ? freshName() : name}/copies`;
    const [body, headers] = [{ from: source, create }, headersOf(keyed)];
    return () => vault.call('POST', path, { token, body, headers });
  };

const remove =
  (more: Headers, { keyed = false, path = '', body = undefined as object | undefined } = {}) =>
  async (vault: RunningVault, token: string): Promise<Send> => {
    const { name } = await makeOld(vault, token);
    const headers = { ...headersOf(keyed), ...more };
    return () => vault.call('DELETE', `/v1/secrets/${name}${path}`, { token, body, headers });
  };

const read =
  (
    pathOf: (old: { name: string; at: string | undefined }) => string,
    headers: Headers = {},
  ): Kind['prepare'] =>
  async (vault, token) => {
    const path = pathOf(await makeOld(vault, token));
    return () => vault.call('GET', path, { token, headers });
  };

const env =
  (
    route: string,
    { fresh = 0, gone = 0, next = 0, old = 0, pinned = false, keyed = false, more = {} },
  ): Kind['prepare'] =>
  async (vault, token) => {
    const creating = (name: string) => `${name}=v\nX_${name}=enc(${name})\n`;
    const deleted = await Promise.all(
      Array.from({ length: gone }, () => makeDeleted(vault, token)),
    );
    const created = [...Array.from({ length: fresh }, () => freshName()), ...deleted].map(creating);
    const makeAll = (length: number) =>
      Promise.all(Array.from({ length }, () => makeOld(vault, token)));
    const [replaced, known] = await Promise.all([makeAll(next), makeAll(old)]);
    const updated = replaced.map(({ name }) => creating(name).replace(')', '@next)'));
    const lines = known.map(({ name }) => `Y_${name}=secret(${name}${pinned ? '@1' : ''})\n`);
    const content = [...created, ...updated, ...lines].join('');
    const headers = headersOf(keyed);
    return () =>
      vault.call('POST', `/v1/env${route}`, { token, body: { content, ...more }, headers });
  };

/**
 * Prepares a file that the caller has already expanded and whose secrets have not changed. The
 * request expands it again, with the tag of the first answer.
 */
const unchanged: Kind['prepare'] = async (vault, token) => {
  const { name } = await makeOld(vault, token);
  const content = `A=secret(${name})\n`;
  const expand = (unless?: string) =>
    vault.call('POST', '/v1/env/expand', { token, body: { content, unless } });
  const { tag } = JSON.parse((await expand()).text) as { readonly tag: string };
  return () => expand(tag);
};

export const kinds: readonly Kind[] = [
  { name: 'create-secret', prepare: create(false) },
  { name: 'create-secret, keyed', prepare: create(true) },
  { name: 'create-secret over a deletion', prepare: create(false, makeDeleted) },
  { name: 'create-secret over a deletion, keyed', prepare: create(true, makeDeleted) },
  { name: 'update-secret', prepare: update({}) },
  { name: 'update-secret of a version', prepare: update({ 'If-Match': '"3"' }) },
  { name: 'update-secret, keyed', prepare: update({}, true) },
  { name: 'copy-secret', prepare: copy({ version: 1 }) },
  { name: 'copy-secret of another secret, keyed', prepare: copy({}, { keyed: true }) },
  { name: 'copy-secret that creates', prepare: copy({}, { create: true }) },
  { name: 'delete-secret', prepare: remove({}) },
  { name: 'delete-secret with a note', prepare: remove({}, { body: { note: 'not used' } }) },
  { name: 'delete-secret of a version', prepare: remove({ 'If-Match': '"3"' }) },
  { name: 'delete-secret, keyed', prepare: remove({}, { keyed: true }) },
  { name: 'destroy-version', prepare: remove({}, { path: '/versions/1' }) },
  { name: 'destroy-version of the current version', prepare: remove({}, { path: '/versions/3' }) },
  { name: 'get-secret', prepare: read(({ name }) => `/v1/secrets/${name}`) },
  { name: 'get-secret by version', prepare: read(({ name }) => `/v1/secrets/${name}?version=1`) },
  {
    name: 'get-secret at an instant',
    prepare: read(({ name, at }) => `/v1/secrets/${name}?at=${at}`),
  },
  {
    name: 'get-secret, unchanged',
    prepare: read(({ name }) => `/v1/secrets/${name}`, { 'If-None-Match': '"3"' }),
  },
  {
    name: 'list-versions',
    prepare: read(({ name }) => `/v1/secrets/${name}/versions?include=values&limit=2`),
  },
  { name: 'list-secrets', prepare: read(() => '/v1/secrets?limit=1') },
  {
    name: 'list-secrets with details',
    prepare: read(({ name }) => `/v1/secrets?prefix=${name}&include=details`),
  },
  { name: 'encrypt-env of one name', prepare: env('/encrypt', { fresh: 1 }) },
  { name: 'encrypt-env, keyed', prepare: env('/encrypt', { fresh: 2, keyed: true }) },
  { name: 'encrypt-env over deletions', prepare: env('/encrypt', { fresh: 1, gone: 2 }) },
  { name: 'encrypt-env of next versions', prepare: env('/encrypt', { next: 2 }) },
  {
    name: 'encrypt-env of all kinds',
    prepare: env('/encrypt', { fresh: 1, gone: 1, next: 1, keyed: true }),
  },
  { name: 'submit-env', prepare: env('', { fresh: 1, old: 1 }) },
  { name: 'submit-env, keyed', prepare: env('', { fresh: 2, old: 2, keyed: true }) },
  { name: 'submit-env with pins', prepare: env('', { fresh: 1, old: 1, pinned: true }) },
  { name: 'submit-env over a deletion', prepare: env('', { gone: 1, old: 1, keyed: true }) },
  { name: 'submit-env of next versions', prepare: env('', { next: 2, old: 1 }) },
  { name: 'submit-env to try', prepare: env('', { fresh: 1, old: 1, more: { dryRun: true } }) },
  { name: 'expand-env', prepare: env('/expand', { old: 2 }) },
  { name: 'expand-env with pins', prepare: env('/expand', { old: 1, pinned: true }) },
  { name: 'expand-env, unchanged', prepare: unchanged },
  { name: 'explain-secret', prepare: read(({ name }) => `/v1/secrets/${name}/explain`) },
  { name: 'whoami', prepare: read(() => '/v1/whoami') },
  { name: 'get-status', prepare: read(() => '/v1/status') },
  { name: 'get-health', prepare: read(() => '/health') },
];
