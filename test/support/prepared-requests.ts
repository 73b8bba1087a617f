/** Requests that need secrets of their own, for each time that they are sent. */
import { randomBytes } from 'node:crypto';
import { freshName } from './fresh-name.ts';
import type { Call, RunningVault } from './running-vault.ts';

type Headers = Readonly<Record<string, string>>;
type Send = () => Promise<unknown>;
export type Request = readonly [method: string, path: string, call?: Call];
/**
 * A request about the secret `name`. The caller may see the secret `other`. At the instant `at`,
 * both have a value.
 */
export type Ask = (name: string, other: string, at: string) => Request;
/**
 * Prepares what a request needs. Returns a function that sends the request. Each call prepares a
 * new request.
 */
export type Prepare = (vault: RunningVault, token: string) => Promise<Send>;

const headersOf = (keyed: boolean): Headers =>
  keyed ? { 'Idempotency-Key': randomBytes(16).toString('base64url') } : {};

/** Makes a secret whose second version is a deletion. Returns its name. */
export const makeDeleted = async (vault: RunningVault, token: string): Promise<string> => {
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
export const makeOld = async (vault: RunningVault, token: string) => {
  const name = freshName('OLD');
  await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'one' } });
  const update = (value: string) =>
    vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value } });
  const second = await update('two');
  const third = await update('three');
  if (third.json.version !== 3) throw new Error(`not prepared: ${third.text}`);
  return { name, at: second.json.validFrom };
};

export const create =
  (keyed: boolean, makeName: typeof makeDeleted = async () => freshName()): Prepare =>
  async (vault, token) => {
    const body = { name: await makeName(vault, token), value: 'v' };
    const headers = headersOf(keyed);
    return () => vault.call('POST', '/v1/secrets', { token, body, headers });
  };

/** Sends a request about a secret with three versions. */
export const old =
  (ask: Ask): Prepare =>
  async (vault, token) => {
    const { name, at } = await makeOld(vault, token);
    const other = await makeOld(vault, token);
    const [method, path, call] = ask(name, other.name, String(at));
    return () => vault.call(method, path, { token, ...call });
  };

export const env =
  (
    route: string,
    { fresh = 0, gone = 0, next = 0, old = 0, pinned = false, keyed = false, more = {} },
  ): Prepare =>
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
export const unchanged: Prepare = async (vault, token) => {
  const { name } = await makeOld(vault, token);
  const content = `A=secret(${name})\n`;
  const expand = (unless?: string) =>
    vault.call('POST', '/v1/env/expand', { token, body: { content, unless } });
  const { tag } = JSON.parse((await expand()).text) as { readonly tag: string };
  return () => expand(tag);
};
