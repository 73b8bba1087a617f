/**
 * Every operation on secrets as the proofs run it: how to prepare it, how to send it, and what it
 * writes. The values that it writes occur nowhere else, so its effects can be counted afterwards.
 */
import { limits } from '../../functions/model/limits.ts';
import type { Principal, StoredVersion, VersionRef } from '../../functions/model/types.ts';
import type { GetSecret } from '../../functions/vault/get-secret.ts';
import type { ListSecrets } from '../../functions/vault/list-secrets.ts';
import type { Ports, RequestContext } from '../../functions/vault/request.ts';
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
};

export const newValue = 'the-value-of-the-request';
const oldValue = 'the-value-from-before';
const began = Date.parse('2026-11-24T10:00:00Z');

const one = (name: string, version: number): VersionRef => ({ name, version });
const single = ({ version, replayed }: { version: VersionRef; replayed: boolean }): Answer => ({
  written: [one(version.name, version.version)],
  replayed,
  told: '',
});
const telling = (told: unknown): Answer => ({
  written: [],
  replayed: false,
  told: JSON.stringify(told),
});
/** Returns a file that stores the value of the request under each of these names. */
const newNames = (names: readonly string[]): string =>
  names.map((name) => `${name}=${newValue}\nX${name}=enc(${name})\n`).join('');
const three = ['A', 'B', 'C'];
const most = Array.from({ length: limits.fileNamesMax }, (_, index) => `N${index}`);
const twoNext = newNames(['OLD_P', 'OLD_Q']).replaceAll(')', '@next)');
const twoVersions = new Map([
  ['OLD_P', 4],
  ['OLD_Q', 2],
]);
const twoOld = 'P=secret(OLD_P)\nQ=secret(OLD_Q)\n';

const nothing = async () => {};
const deletedSecret = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'GONE', [oldValue], began);
  await vaultOver(ports).delete(principal, 'GONE', { now: began + 1_000 });
};
const oldSecrets = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, oldValue, oldValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};

const update =
  (ifMatch: readonly number[] | undefined) =>
  (key?: string): Run =>
  async (ports, context, principal) =>
    single(await vaultOver(ports).update(principal, 'OLD_Q', newValue, { context, key, ifMatch }));
/**
 * Destroys version 2 of `OLD_P`. A later request that finds the version already destroyed counts as
 * a replay.
 */
const destroy = (): Run => async (ports, context, principal) => {
  const destroyed = await vaultOver(ports).destroy(principal, 'OLD_P', 2, { context });
  const { name, version, destroyedAt } = destroyed;
  return { written: [one(name, version)], replayed: destroyedAt !== context.now, told: '' };
};
const copyableSecrets = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, newValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};
const copyableHead = (ports: Ports, principal: Principal) =>
  makeSecret(ports, principal, 'FROM', [newValue], began);
/**
 * Copies a version. Without an idempotency key it uses `If-Match` or creates the secret, so that
 * repeating it has no second effect.
 */
const copy =
  (name: string, from: { name: string; version?: number }, create = false) =>
  (key?: string): Run =>
  async (ports, context, principal) => {
    const ifMatch = create || key !== undefined ? undefined : ['2'];
    const asked = { context, key, create, ifMatch };
    return single(await vaultOver(ports).copy(principal, name, from, asked));
  };
const env =
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

const writer = (
  name: string,
  prepare: Operation['prepare'],
  run: Operation['run'],
  writes: readonly VersionRef[],
  leaves: Operation['leaves'] = 'stored',
): Operation => ({ name, prepare, run, writes, leaves });

const create =
  (name: string) =>
  (key?: string): Run =>
  async (ports, context, principal) =>
    single(await vaultOver(ports).create(principal, name, newValue, { context, key }));
const threeNew = three.map((name) => one(name, 1));

export const keyedWriters: readonly Operation[] = [
  writer('create-secret', nothing, create('A'), [one('A', 1)]),
  writer('create-secret over a deletion', deletedSecret, create('GONE'), [one('GONE', 3)]),
  writer('update-secret', oldSecrets, (key) => update(key === undefined ? [2] : undefined)(key), [
    one('OLD_Q', 3),
  ]),
  writer('copy-secret', copyableSecrets, copy('OLD_Q', { name: 'OLD_P', version: 2 }), [
    one('OLD_Q', 3),
  ]),
  writer('copy-secret that creates', copyableHead, copy('COPIED', { name: 'FROM' }, true), [
    one('COPIED', 1),
  ]),
  writer(
    'delete-secret',
    oldSecrets,
    (key) => async (ports, context, principal) => {
      const asked = { context, key, note: 'no longer used' };
      return single(await vaultOver(ports).delete(principal, 'OLD_Q', asked));
    },
    [one('OLD_Q', 3)],
    'deleted',
  ),
  writer('encrypt-env of one name', nothing, env('encrypt', newNames(['A'])), [one('A', 1)]),
  writer('encrypt-env', nothing, env('encrypt', newNames(three)), threeNew),
  writer('encrypt-env over a deletion', deletedSecret, env('encrypt', newNames(['A', 'GONE'])), [
    one('A', 1),
    one('GONE', 3),
  ]),
  writer('submit-env', oldSecrets, env('submit', `${newNames(three)}${twoOld}`), threeNew),
  // Without an idempotency key, `ifVersions` keeps a repetition from writing further versions.
  writer(
    'encrypt-env of next versions',
    oldSecrets,
    (key) => env('encrypt', twoNext, key === undefined ? { ifVersions: twoVersions } : {})(key),
    [one('OLD_P', 5), one('OLD_Q', 3)],
  ),
];

export const writers: readonly Operation[] = [
  ...keyedWriters,
  writer('destroy-version', oldSecrets, destroy, [one('OLD_P', 2)], 'destroyed'),
];

/** The operation that writes as many names as one file may have. */
export const largestFile = writer(
  'encrypt-env of as many names as a file may have',
  nothing,
  env('encrypt', newNames(most)),
  most.map((name) => one(name, 1)),
);

const get =
  (which: GetSecret['which']): Operation['run'] =>
  () =>
  async (ports, context, principal) => {
    const { stored, text } = await vaultOver(ports).get(principal, 'OLD_P', which, { context });
    return telling([stored.version, stored.validTo, text]);
  };
/** Gets the secret for a caller who already has its current version, 4. */
const getKnown = (): Run => async (ports, context, principal) =>
  telling(await vaultOver(ports).getUnless(principal, 'OLD_P', [4], { context }));
const list =
  (range: Partial<ListSecrets>): Operation['run'] =>
  () =>
  async (ports, context, principal) =>
    telling(await vaultOver(ports).names(principal, { limit: 9, ...range }, { context }));

/** By tenant, the tag of the answer that the caller already has when it expands the file again. */
const tags = new Map<string, string | undefined>();
const oldSecretsAndTag = async (ports: Ports, principal: Principal) => {
  await oldSecrets(ports, principal);
  tags.set(principal.tenant, (await vaultOver(ports).expand(principal, twoOld)).tag);
};
const expandUnchanged = (): Run => async (ports, context, principal) => {
  const unless = tags.get(principal.tenant);
  return telling(await vaultOver(ports).expandUnless(principal, twoOld, { context, unless }));
};

const reader = (
  name: string,
  run: Operation['run'],
  prepare: Operation['prepare'] = oldSecrets,
): Operation => writer(name, prepare, run, []);

export const readers: readonly Operation[] = [
  reader('get-secret', get('latest')),
  reader('get-secret, unchanged', getKnown),
  reader('get-secret by version', get({ version: 2 })),
  reader('get-secret at an instant', get({ at: began + 1_500 })),
  // The answer leaves out the state of the master key, which may change at any time.
  reader('explain-secret', () => async (ports, context, principal) => {
    const { head, readCost, caller } = await vaultOver(ports).explain(
      principal,
      'OLD_P',
      {},
      { context },
    );
    return telling([head?.version, readCost, caller]);
  }),
  reader('list-versions', () => async (ports, context, principal) => {
    const page = { limit: 10, includeValues: true };
    const { versions } = await vaultOver(ports).versions(principal, 'OLD_P', page, { context });
    return telling(versions.map(({ stored, value }) => [stored.version, String(value)]));
  }),
  reader('list-secrets', list({})),
  reader('list-secrets with details', list({ includeDetails: true })),
  reader(
    'list-secrets, deleted',
    list({ state: 'deleted', includeDetails: true }),
    async (ports, principal) => {
      await oldSecrets(ports, principal);
      await deletedSecret(ports, principal);
    },
  ),
  reader('expand-env', env('expand', twoOld)),
  reader('expand-env, unchanged', expandUnchanged, oldSecretsAndTag),
  reader('expand-env with pins', env('expand', `${twoOld}R=secret(OLD_P@1)\n`)),
];
