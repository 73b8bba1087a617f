/**
 * The parts of which test/support/routes.ts makes the operations that the proofs run: how to
 * prepare one and how to send it. The values that it writes occur nowhere else, so its effects can
 * be counted afterwards.
 */
import { limits } from '../../functions/model/limits.ts';
import type { Principal, StoredVersion, VersionRef } from '../../functions/model/types.ts';
import type { GetSecret } from '../../functions/vault/get-secret.ts';
import type { ListSecrets } from '../../functions/vault/list-secrets.ts';
import type { Ports, RequestContext } from '../../functions/vault/request.ts';
import { type Cost, envCost } from './costs.ts';
import { makeSecret } from './secrets.ts';
import { vaultOver } from './vault.ts';

/** The parts of an answer that are the same for every attempt of a request. */
type Answer = {
  readonly written: readonly VersionRef[];
  readonly replayed: boolean;
  /** What else the answer says, as text. */
  readonly told: string;
};
export type Run = (ports: Ports, context: RequestContext, principal: Principal) => Promise<Answer>;

export type Operation = {
  readonly name: string;
  readonly prepare: (ports: Ports, principal: Principal) => Promise<unknown>;
  /**
   * Returns a function that runs the operation. It uses the idempotency key if one is given and the
   * operation accepts one.
   */
  readonly run: (key?: string) => Run;
  /** The versions that the operation writes. Those that are stored have the value `newValue`. */
  readonly writes: readonly VersionRef[];
  /**
   * The state in which the operation leaves these versions. Effects are counted by this state and,
   * for stored versions, by the value.
   */
  readonly leaves: StoredVersion['state'];
  readonly cost: Cost;
  /** The cost with an idempotency key; absent if the operation accepts none. */
  readonly keyed?: Cost;
};

export const newValue = 'the-value-of-the-request';
const oldValue = 'the-value-from-before';
export const began = Date.parse('2026-11-24T10:00:00Z');

export const one = (name: string, version: number): VersionRef => ({ name, version });
const single = ({ version, replayed }: { version: VersionRef; replayed: boolean }): Answer => ({
  written: [one(version.name, version.version)],
  replayed,
  told: '',
});
export const telling = (told: unknown): Answer => ({
  written: [],
  replayed: false,
  told: JSON.stringify(told),
});
/** Returns a file that stores the value of the request under each of these names. */
export const newNames = (names: readonly string[]): string =>
  names.map((name) => `${name}=${newValue}\nX${name}=enc(${name})\n`).join('');
export const three = ['A', 'B', 'C'];
const most = Array.from({ length: limits.fileNamesMax }, (_, index) => `N${index}`);
export const twoOld = 'P=secret(OLD_P)\nQ=secret(OLD_Q)\n';

export const nothing = async () => {};
export const deletedSecret = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'GONE', [oldValue], began);
  await vaultOver(ports).delete(principal, 'GONE', { now: began + 1_000 });
};
export const oldSecrets = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, oldValue, oldValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};

/** Updates `OLD_Q`, with `If-Match` unless there is a key, so that repeating it has no effect. */
export const update =
  (key?: string): Run =>
  async (ports, context, principal) => {
    const ifMatch = key === undefined ? [2] : undefined;
    const asked = { context, key, ifMatch };
    return single(await vaultOver(ports).update(principal, 'OLD_Q', newValue, asked));
  };
/**
 * Destroys version 2 of `OLD_P`. A later request that finds the version already destroyed counts as
 * a replay.
 */
export const destroy = (): Run => async (ports, context, principal) => {
  const destroyed = await vaultOver(ports).destroy(principal, 'OLD_P', 2, { context });
  const { name, version, destroyedAt } = destroyed;
  return { written: [one(name, version)], replayed: destroyedAt !== context.now, told: '' };
};
export const copyableSecrets = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, newValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};
export const copyableHead = (ports: Ports, principal: Principal) =>
  makeSecret(ports, principal, 'FROM', [newValue], began);
/**
 * Copies a version. Without an idempotency key it uses `If-Match` or creates the secret, so that
 * repeating it has no second effect.
 */
export const copy =
  (name: string, from: { name: string; version?: number }, create = false) =>
  (key?: string): Run =>
  async (ports, context, principal) => {
    const ifMatch = create || key !== undefined ? undefined : ['2'];
    const asked = { context, key, create, ifMatch };
    return single(await vaultOver(ports).copy(principal, name, from, asked));
  };
export const env =
  (
    route: 'submit' | 'encrypt' | 'expand',
    content: string,
    asked: { readonly ifVersions?: ReadonlyMap<string, number> } = {},
  ) =>
  (key?: string): Run =>
  async (ports, context, principal) => {
    const answer = await vaultOver(ports)[route](principal, content, { ...asked, context, key });
    const { created, replayed, ...told } = answer;
    const written = created.map((ref) => one(ref.name, ref.version));
    return { written, replayed, told: JSON.stringify(told) };
  };

const twoNext = newNames(['OLD_P', 'OLD_Q']).replaceAll(')', '@next)');
const twoVersions = new Map([
  ['OLD_P', 4],
  ['OLD_Q', 2],
]);
/** Without an idempotency key, `ifVersions` keeps a repetition from writing further versions. */
export const encryptNext = (key?: string): Run =>
  env('encrypt', twoNext, key === undefined ? { ifVersions: twoVersions } : {})(key);

export const create =
  (name: string) =>
  (key?: string): Run =>
  async (ports, context, principal) =>
    single(await vaultOver(ports).create(principal, name, newValue, { context, key }));

/** Deletes `OLD_Q`. */
export const remove =
  (key?: string): Run =>
  async (ports, context, principal) => {
    const asked = { context, key, note: 'no longer used' };
    return single(await vaultOver(ports).delete(principal, 'OLD_Q', asked));
  };

/** The operation that writes as many names as one file may have. */
export const largestFile: Operation = {
  name: 'encrypt-env of as many names as a file may have',
  prepare: nothing,
  run: env('encrypt', newNames(most)),
  writes: most.map((name) => one(name, 1)),
  leaves: 'stored',
  cost: envCost({ created: most.length }),
};

export const get =
  (which: GetSecret['which']): Operation['run'] =>
  () =>
  async (ports, context, principal) => {
    const { stored, text } = await vaultOver(ports).get(principal, 'OLD_P', which, { context });
    return telling([stored.version, stored.validTo, text]);
  };
/** Gets the secret for a caller who already has its current version, 4. */
export const getKnown = (): Run => async (ports, context, principal) =>
  telling(await vaultOver(ports).getUnless(principal, 'OLD_P', [4], { context }));
export const list =
  (range: Partial<ListSecrets>): Operation['run'] =>
  () =>
  async (ports, context, principal) =>
    telling(await vaultOver(ports).names(principal, { limit: 9, ...range }, { context }));

/** By tenant, the tag of the answer that the caller already has when it expands the file again. */
const tags = new Map<string, string | undefined>();
export const oldSecretsAndTag = async (ports: Ports, principal: Principal) => {
  await oldSecrets(ports, principal);
  tags.set(principal.tenant, (await vaultOver(ports).expand(principal, twoOld)).tag);
};
export const expandUnchanged = (): Run => async (ports, context, principal) => {
  const unless = tags.get(principal.tenant);
  return telling(await vaultOver(ports).expandUnless(principal, twoOld, { context, unless }));
};
