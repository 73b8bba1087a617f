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

/** An operation in a situation. */
export type Scene = {
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

export type Operation = Scene & {
  readonly name: string;
  readonly cost: Cost;
  /** The cost with an idempotency key; absent if the operation accepts none. */
  readonly keyed?: Cost | undefined;
};

export const newValue = 'the-value-of-the-request';
const oldValue = 'the-value-from-before';
export const began = Date.parse('2026-11-24T10:00:00Z');

const one = (name: string, version: number): VersionRef => ({ name, version });
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
/** The names that a file stores, with the versions that it writes. */
type Written = Readonly<Record<string, number>>;
export const three: Written = { A: 1, B: 1, C: 1 };
const refsOf = (written: Written) =>
  Object.entries(written).map(([name, version]) => one(name, version));
/** Returns a file that stores the value of the request under each of these names. */
const newNames = (written: Written): string =>
  Object.keys(written)
    .map((name) => `${name}=${newValue}\nX${name}=enc(${name})\n`)
    .join('');
const twoOld = 'P=secret(OLD_P)\nQ=secret(OLD_Q)\n';

const nothing: Scene['prepare'] = async () => {};
export const deletedSecret: Scene['prepare'] = async (ports, principal) => {
  await makeSecret(ports, principal, 'GONE', [oldValue], began);
  await vaultOver(ports).delete(principal, 'GONE', { now: began + 1_000 });
};
const oldSecrets: Scene['prepare'] = async (ports, principal) => {
  await makeSecret(ports, principal, 'OLD_P', [oldValue, oldValue, oldValue, oldValue], began);
  await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
};

const writing = (
  prepare: Scene['prepare'],
  run: Scene['run'],
  written: Written,
  leaves: Scene['leaves'] = 'stored',
): Scene => ({ prepare, run, writes: refsOf(written), leaves });
/** An operation that reads the old secrets, unless others are prepared. */
export const reading = (run: Run, prepare: Scene['prepare'] = oldSecrets): Scene =>
  writing(prepare, () => run, {});

export const create = (name: string, version = 1, prepare = nothing): Scene =>
  writing(
    prepare,
    (key) => async (ports, context, principal) =>
      single(await vaultOver(ports).create(principal, name, newValue, { context, key })),
    { [name]: version },
  );

/** Updates `OLD_Q`, with `If-Match` unless there is a key, so that repeating it has no effect. */
export const update = writing(
  oldSecrets,
  (key) => async (ports, context, principal) => {
    const asked = { context, key, ifMatch: key === undefined ? [2] : undefined };
    return single(await vaultOver(ports).update(principal, 'OLD_Q', newValue, asked));
  },
  { OLD_Q: 3 },
);

export const remove = writing(
  oldSecrets,
  (key) => async (ports, context, principal) => {
    const asked = { context, key, note: 'no longer used' };
    return single(await vaultOver(ports).delete(principal, 'OLD_Q', asked));
  },
  { OLD_Q: 3 },
  'deleted',
);

/** A later request that finds the version already destroyed counts as a replay. */
export const destroy = writing(
  oldSecrets,
  () => async (ports, context, principal) => {
    const destroyed = await vaultOver(ports).destroy(principal, 'OLD_P', 2, { context });
    const { name, version, destroyedAt } = destroyed;
    return { written: [one(name, version)], replayed: destroyedAt !== context.now, told: '' };
  },
  { OLD_P: 2 },
  'destroyed',
);

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
export const copyOlder = writing(
  async (ports, principal) => {
    await makeSecret(ports, principal, 'OLD_P', [oldValue, newValue, oldValue], began);
    await makeSecret(ports, principal, 'OLD_Q', [oldValue, oldValue], began);
  },
  copy('OLD_Q', { name: 'OLD_P', version: 2 }),
  { OLD_Q: 3 },
);
export const copyToNew = writing(
  (ports, principal) => makeSecret(ports, principal, 'FROM', [newValue], began),
  copy('COPIED', { name: 'FROM' }, true),
  { COPIED: 1 },
);

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
export const encrypt = (written: Written, prepare = nothing): Scene =>
  writing(prepare, env('encrypt', newNames(written)), written);
const twoNext = { OLD_P: 5, OLD_Q: 3 };
const nextFile = newNames(twoNext).replaceAll(')', '@next)');
const ifVersions = new Map([
  ['OLD_P', 4],
  ['OLD_Q', 2],
]);
/** Without an idempotency key, `ifVersions` keeps a repetition from writing further versions. */
export const encryptNext = writing(
  oldSecrets,
  (key) => env('encrypt', nextFile, key === undefined ? { ifVersions } : {})(key),
  twoNext,
);
export const submit = writing(oldSecrets, env('submit', `${newNames(three)}${twoOld}`), three);
/** Expands a file that reads the two old secrets, and these lines. */
export const expand = (more = ''): Scene => reading(env('expand', `${twoOld}${more}`)());

const most = Array.from({ length: limits.fileNamesMax }, (_, index) => [`N${index}`, 1]);
/** The operation that writes as many names as one file may have. */
export const largestFile: Operation = {
  name: 'encrypt-env of as many names as a file may have',
  ...encrypt(Object.fromEntries(most)),
  cost: envCost({ created: most.length }),
};

export const get = (which: GetSecret['which']): Scene =>
  reading(async (ports, context, principal) => {
    const { stored, text } = await vaultOver(ports).get(principal, 'OLD_P', which, { context });
    return telling([stored.version, stored.validTo, text]);
  });
/** Gets the secret for a caller who already has its current version, 4. */
export const getKnown = reading(async (ports, context, principal) =>
  telling(await vaultOver(ports).getUnless(principal, 'OLD_P', [4], { context })),
);
export const listVersions = reading(async (ports, context, principal) => {
  const page = { limit: 10, includeValues: true };
  const { versions } = await vaultOver(ports).versions(principal, 'OLD_P', page, { context });
  return telling(versions.map(({ stored, value }) => [stored.version, String(value)]));
});
export const oldAndDeleted: Scene['prepare'] = async (ports, principal) => {
  await oldSecrets(ports, principal);
  await deletedSecret(ports, principal);
};
export const list = (range: Partial<ListSecrets>, prepare = oldSecrets): Scene =>
  reading(
    async (ports, context, principal) =>
      telling(await vaultOver(ports).names(principal, { limit: 9, ...range }, { context })),
    prepare,
  );

/** By tenant, the tag of the answer that the caller already has when it expands the file again. */
const tags = new Map<string, string | undefined>();
export const expandUnchanged = reading(
  async (ports, context, principal) => {
    const unless = tags.get(principal.tenant);
    return telling(await vaultOver(ports).expandUnless(principal, twoOld, { context, unless }));
  },
  async (ports, principal) => {
    await oldSecrets(ports, principal);
    tags.set(principal.tenant, (await vaultOver(ports).expand(principal, twoOld)).tag);
  },
);
