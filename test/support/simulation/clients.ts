/** The clients of a simulation: draws their random requests and reads the answers. */
import { fingerprint } from '../../../functions/crypto/fingerprint.ts';
import { ApiError } from '../../../functions/model/errors.ts';
import type { Principal, VersionRef } from '../../../functions/model/types.ts';
import { copySecret } from '../../../functions/vault/copy-secret.ts';
import { createSecret } from '../../../functions/vault/create-secret.ts';
import { deleteSecret } from '../../../functions/vault/delete-secret.ts';
import { destroyVersion } from '../../../functions/vault/destroy-version.ts';
import { getSecret } from '../../../functions/vault/get-secret.ts';
import { listSecrets } from '../../../functions/vault/list-secrets.ts';
import { type ListedVersion, listVersions } from '../../../functions/vault/list-versions.ts';
import type { Ports, RequestContext } from '../../../functions/vault/request.ts';
import { encryptEnv, submitEnv } from '../../../functions/vault/submit-env.ts';
import { updateSecret } from '../../../functions/vault/update-secret.ts';
import { tellRefusal } from '../../cluster/chaos/requests.ts';
import { intBelow, oneOf, type Random } from '../adversary/random.ts';
import { bytes } from '../requests.ts';
import { expandWhole, file } from '../vault.ts';
import type { Asked, Seen, Told } from './history.ts';

export type Request = {
  readonly asked: Asked;
  readonly isTimeless?: boolean;
  readonly key: string | undefined;
  readonly send: (ports: Ports, context: RequestContext, principal: Principal) => Promise<Told>;
};

const textOf = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

/** Returns what a caller sees of a version in a list of versions. */
export const seenAs = ({ stored, value }: ListedVersion): Seen => {
  const { name, version, state, validTo = null } = stored;
  switch (state) {
    case 'stored':
      return { name, version, value: textOf(value), validTo };
    case 'deleted':
      return { name, version, state, value: stored.note ?? '', validTo };
    case 'destroyed':
      return { name, version, state, value: String(stored.destroyedAt), validTo };
  }
};

const wrote = ({ version }: { readonly version: number }, seen: readonly Seen[] = []): Told => ({
  outcome: 'done',
  version,
  seen,
});
const wroteAll = (
  created: readonly { readonly version: number }[],
  seen: readonly Seen[],
): Told => ({
  outcome: 'done',
  versions: created.map(({ version }) => version),
  seen,
});
const showed = (seen: readonly Seen[], at?: number): Told => ({
  outcome: 'done',
  seen,
  ...(at !== undefined && { at }),
});

/**
 * Returns what a caller learns from the error of a failed request. Rethrows errors that no caller
 * may see, because they are bugs of the vault.
 */
export const toldOf = (asked: Asked, error: unknown): Told => {
  if (!(error instanceof ApiError)) throw error;
  const refusal = tellRefusal(asked, { code: error.code, ...error.properties });
  if (refusal === undefined || refusal.outcome === 'done') throw error;
  return refusal;
};

/**
 * Draws a request. `shown` has the versions that replies have shown. Only these are destroyed, so
 * the value of every destroyed version is known.
 */
type Draw = (
  random: Random,
  names: readonly [string, ...string[]],
  unique: string,
  shown: readonly VersionRef[],
) => Request;

const printOf = (key: string | undefined, principal: Principal, content: string) =>
  key === undefined ? undefined : fingerprint(key, principal, [content]);
const keyOf = (random: Random, unique: string): string | undefined =>
  random() < 0.6 ? `key-of-a-client-${unique}` : undefined;

const create: Draw = (random, names, unique) => {
  const name = oneOf(random, names);
  const key = keyOf(random, unique);
  return {
    asked: { kind: 'create', name, value: unique },
    key,
    send: async (ports, context, principal) => {
      const print = printOf(key, principal, unique);
      const request = { name, value: bytes(unique), fingerprint: print };
      return wrote((await createSecret(ports)(context, principal, request)).version);
    },
  };
};

const update: Draw = (random, names, unique) => {
  const name = oneOf(random, names);
  const key = keyOf(random, unique);
  const ifMatch = random() < 0.3 ? 1 + intBelow(random, 4) : undefined;
  return {
    asked: { kind: 'update', name, value: unique, ...(ifMatch !== undefined && { ifMatch }) },
    key,
    send: async (ports, context, principal) => {
      const { version } = await updateSecret(ports)(context, principal, {
        name,
        value: bytes(unique),
        ifMatch: ifMatch === undefined ? undefined : [String(ifMatch)],
        fingerprint: printOf(key, principal, `${unique} ${ifMatch}`),
      });
      return wrote(version);
    },
  };
};

const copy: Draw = (random, names, unique, shown) => {
  const [first, ...others] = shown;
  if (!first) return create(random, names, unique, shown);
  const name = oneOf(random, names);
  const key = keyOf(random, unique);
  const isShown = shown.some((version) => version.name === name);
  const next = random() < 0.9 === isShown ? true : undefined;
  const ifMatch = next && random() < 0.3 ? 1 + intBelow(random, 4) : undefined;
  const any = oneOf(random, [first, ...others]);
  const from = { ...any, version: random() < 0.4 ? undefined : any.version };
  return {
    asked: {
      ...{ kind: 'copy', name, reads: [from.name], value: unique, ...(next && { next }) },
      ...(ifMatch !== undefined && { ifMatch }),
      ...(from.version !== undefined && { wanted: from.version }),
    },
    key,
    send: async (ports, context, principal) => {
      const { version, from: source } = await copySecret(ports)(context, principal, {
        name,
        from,
        create: !next,
        ifMatch: ifMatch === undefined ? undefined : [String(ifMatch)],
        fingerprint: printOf(key, principal, `${unique} ${ifMatch}`),
      });
      return wrote(version, [{ ...source, value: '' }]);
    },
  };
};

const remove: Draw = (random, names, unique) => {
  const name = oneOf(random, names);
  const key = keyOf(random, unique);
  const ifMatch = random() < 0.3 ? 1 + intBelow(random, 4) : undefined;
  return {
    asked: { kind: 'delete', name, value: unique, ...(ifMatch !== undefined && { ifMatch }) },
    key,
    send: async (ports, context, principal) => {
      const { version } = await deleteSecret(ports)(context, principal, {
        name,
        note: unique,
        ifMatch: ifMatch === undefined ? undefined : [String(ifMatch)],
        fingerprint: printOf(key, principal, `${unique} ${ifMatch}`),
      });
      return wrote(version);
    },
  };
};

const destroy: Draw = (random, names, unique, shown) => {
  const superseded = shown.filter(({ name, version }) =>
    shown.some((other) => other.name === name && other.version > version),
  );
  const [first, ...others] = random() < 0.8 ? superseded : shown;
  if (!first) return get(random, names, unique, shown);
  const { name, version } = oneOf(random, [first, ...others]);
  return {
    asked: { kind: 'destroy', name, wanted: version },
    key: undefined,
    send: async (ports, context, principal) => {
      const request = { name, version };
      const { destroyedAt } = await destroyVersion(ports)(context, principal, request);
      return showed([{ ...request, state: 'destroyed', value: String(destroyedAt) }]);
    },
  };
};

const get: Draw = (random, names, _, shown) => {
  const isLatest = random() < 0.6;
  const any = { name: oneOf(random, names), version: 1 + intBelow(random, 4) };
  const { name, version } = isLatest ? any : oneOf(random, [any, ...shown]);
  return {
    asked: isLatest ? { kind: 'get', name } : { kind: 'version', name, wanted: version },
    key: undefined,
    send: async (ports, context, principal) => {
      const which = isLatest ? 'latest' : { version };
      const { stored, value } = await getSecret(ports)(context, principal, { name, which });
      const { validTo = null } = stored;
      return showed([{ name, version: stored.version, value: textOf(value), validTo }]);
    },
  };
};

const getAt: Draw = (random, names) => {
  const name = oneOf(random, names);
  const before = intBelow(random, 20_000);
  return {
    asked: { kind: 'get', name },
    isTimeless: true,
    key: undefined,
    send: async (ports, context, principal) => {
      const at = context.now - before;
      const { stored, value } = await getSecret(ports)(context, principal, { name, which: { at } });
      const { validTo = null } = stored;
      const seen = { name, version: stored.version, value: textOf(value), validTo };
      return showed([seen], at);
    },
  };
};

const list: Draw = (random, names) => {
  const name = oneOf(random, names);
  const order = oneOf(random, ['asc', 'desc'] as const);
  return {
    asked: { kind: 'versions', name },
    isTimeless: order === 'asc',
    key: undefined,
    send: async (ports, context, principal) => {
      const request = { name, order, limit: 10, after: undefined, includeValues: true };
      const { versions } = await listVersions(ports)(context, principal, request);
      return showed(versions.map(seenAs));
    },
  };
};

const listNames: Draw = (random, names) => {
  const state = oneOf(random, ['stored', 'deleted'] as const);
  return {
    asked: { kind: 'list', reads: names, state },
    key: undefined,
    send: async (ports, context, principal) => {
      const request = { state, includeDetails: true, prefix: '', after: undefined, limit: 10 };
      const { details = [] } = await listSecrets(ports)(context, principal, request);
      return showed(
        details.map(({ name, version, note = '' }) =>
          state === 'deleted'
            ? { name, version, state, value: note }
            : { name, version, value: '' },
        ),
      );
    },
  };
};

const someOf = (random: Random, names: readonly [string, ...string[]]): string[] => {
  const some = names.filter(() => random() < 0.6);
  return some.length > 0 ? some : [oneOf(random, names)];
};
/** Returns the values in an expanded file, in the order of its names. */
const valuesOf = (content: string, names: readonly string[]): (string | undefined)[] =>
  names.map((name) => new RegExp(`^V_${name}=(.*)$`, 'm').exec(content)?.[1]);
const reading = (names: readonly string[]): string =>
  names.map((name) => `V_${name}=secret(${name})\n`).join('');
const creating = (names: readonly string[], value: string, next?: true): string =>
  names.map((name) => `${name}=${value}\nX_${name}=enc(${name}${next ? '@next' : ''})\n`).join('');
const storing = (names: readonly string[], value: string) => names.map((name) => ({ name, value }));

const expand: Draw = (random, names) => {
  const some = someOf(random, names);
  return {
    asked: { kind: 'env', creates: [], reads: some },
    key: undefined,
    send: async (ports, context, principal) => {
      const { content, resolved } = await expandWhole(ports)(
        context,
        principal,
        file(reading(some)),
      );
      const values = valuesOf(content, some);
      return showed(resolved.map((ref, index) => ({ ...ref, value: values[index] ?? '' })));
    },
  };
};

const encrypt: Draw = (random, names, unique) => {
  const some = someOf(random, names);
  const key = keyOf(random, unique);
  const next = random() < 0.5 ? true : undefined;
  return {
    asked: { kind: 'env', creates: storing(some, unique), reads: [], ...(next && { next }) },
    key,
    send: async (ports, context, principal) => {
      const print = printOf(key, principal, unique);
      const request = file(creating(some, unique, next), { fingerprint: print });
      return wroteAll((await encryptEnv(ports)(context, principal, request)).created, []);
    },
  };
};

const submit: Draw = (random, names, unique, shown) => {
  const [read, ...others] = names;
  const some = others.filter(() => random() < 0.6);
  if (some.length === 0) return expand(random, names, unique, shown);
  const key = keyOf(random, unique);
  return {
    asked: { kind: 'env', creates: storing(some, unique), reads: [read] },
    key,
    send: async (ports, context, principal) => {
      const print = printOf(key, principal, unique);
      const request = file(`${creating(some, unique)}${reading([read])}`, { fingerprint: print });
      const { content, created, resolved } = await submitEnv(ports)(context, principal, request);
      const [value = ''] = valuesOf(content, [read]);
      return wroteAll(
        created,
        resolved.map(({ name, version }) => ({ name, version, value })),
      );
    },
  };
};

const writes = [create, create, create, update, update, update, update] as const;
const copies = [copy, copy, copy, copy] as const;
const removals = [remove, remove, destroy, destroy, destroy] as const;
const reads = [get, get, get, getAt, list, listNames] as const;
const ofFiles = [expand, expand, encrypt, submit] as const;

/**
 * Draws a random request. `unique` is its value and part of its key, and no other request has it.
 */
export const drawRequest: Draw = (random, names, unique, shown) =>
  oneOf(random, [...writes, ...copies, ...removals, ...reads, ...ofFiles])(
    random,
    names,
    unique,
    shown,
  );
