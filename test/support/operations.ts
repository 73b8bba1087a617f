/**
 * Every operation on secrets as the proofs run it: its preparation, its request and its writes. Each operation has its
 * own values, so that its effects can be counted afterwards.
 */
import { limits } from '../../functions/model/limits.ts';
import type { Principal, VersionRef } from '../../functions/model/types.ts';
import type { GetSecret } from '../../functions/vault/get-secret.ts';
import type { Ports, RequestContext } from '../../functions/vault/request.ts';
import { makeSecret } from './secrets.ts';
import { vaultOver } from './vault.ts';

/** The answer without what differs from one attempt to the next. */
type Answer = {
  readonly written: readonly VersionRef[];
  readonly replayed: boolean;
  /** The rest of the answer as text. */
  readonly told: string;
};
export type Run = (ports: Ports, context: RequestContext, principal: Principal) => Promise<Answer>;

export type Operation = {
  readonly name: string;
  readonly prepare: (ports: Ports, principal: Principal) => Promise<unknown>;
  /** Runs the operation, with the key if one is given and the operation takes one. */
  readonly run: (key?: string) => Run;
  /** The versions that it writes, each with `newValue`. */
  readonly writes: readonly VersionRef[];
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
/** A file that stores each of these names with the value of the request. */
const newNames = (names: readonly string[]): string =>
  names.map((name) => `${name}=${newValue}\nX${name}=enc(${name})\n`).join('');
const three = ['A', 'B', 'C'];
const most = Array.from({ length: limits.fileNamesMax }, (_, index) => `N${index}`);
const twoOld = 'P=secret(OLD_P)\nQ=secret(OLD_Q)\n';

const nothing = async () => {};
const oldSecrets = async (ports: Ports, principal: Principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, oldValue, oldValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};

const update =
  (ifMatch: readonly number[] | undefined) =>
  (key?: string): Run =>
  async (ports, context, principal) =>
    single(await vaultOver(ports).update(principal, 'OLD_Q', newValue, { context, key, ifMatch }));
const env =
  (route: 'submit' | 'encrypt' | 'expand', content: string) =>
  (key?: string): Run =>
  async (ports, context, principal) => {
    const answer = await vaultOver(ports)[route](principal, content, { context, key });
    const { created, replayed, ...told } = answer;
    return { written: created, replayed, told: JSON.stringify(told) };
  };

export const writers: readonly Operation[] = [
  {
    name: 'create-secret',
    prepare: nothing,
    run: (key) => async (ports, context, principal) =>
      single(await vaultOver(ports).create(principal, 'A', newValue, { context, key })),
    writes: [one('A', 1)],
  },
  {
    name: 'update-secret',
    prepare: oldSecrets,
    run: (key) => update(key === undefined ? [2] : undefined)(key),
    writes: [one('OLD_Q', 3)],
  },
  {
    name: 'encrypt-env of one name',
    prepare: nothing,
    run: env('encrypt', newNames(['A'])),
    writes: [one('A', 1)],
  },
  {
    name: 'encrypt-env',
    prepare: nothing,
    run: env('encrypt', newNames(three)),
    writes: three.map((name) => one(name, 1)),
  },
  {
    name: 'submit-env',
    prepare: oldSecrets,
    run: env('submit', `${newNames(three)}${twoOld}`),
    writes: three.map((name) => one(name, 1)),
  },
];

/** The largest number of names in a file. */
export const largestFile: Operation = {
  name: 'encrypt-env of as many names as a file may have',
  prepare: nothing,
  run: env('encrypt', newNames(most)),
  writes: most.map((name) => one(name, 1)),
};

const get =
  (which: GetSecret['which']): Operation['run'] =>
  () =>
  async (ports, context, principal) => {
    const { stored, text } = await vaultOver(ports).get(principal, 'OLD_P', which, { context });
    return telling([stored.version, stored.validTo, text]);
  };
const reader = (name: string, run: Operation['run']): Operation => ({
  name,
  prepare: oldSecrets,
  run,
  writes: [],
});

export const readers: readonly Operation[] = [
  reader('get-secret', get('latest')),
  reader('get-secret by version', get({ version: 2 })),
  reader('get-secret at an instant', get({ at: began + 1_500 })),
  reader('list-versions', () => async (ports, context, principal) => {
    const page = { limit: 10, includeValues: true };
    const { versions } = await vaultOver(ports).versions(principal, 'OLD_P', page, { context });
    return telling(versions.map(({ stored, value }) => [stored.version, String(value)]));
  }),
  reader(
    'list-secrets',
    () => async (ports, context, principal) =>
      telling(await vaultOver(ports).names(principal, { limit: 9 }, { context })),
  ),
  reader('expand-env', env('expand', twoOld)),
  reader('expand-env with pins', env('expand', `${twoOld}R=secret(OLD_P@1)\n`)),
];
