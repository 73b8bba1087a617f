import { VaultError } from '../model/errors.ts';
import {
  coveringPattern,
  type Head,
  isNameVisible,
  keyIdOf,
  type Principal,
  type Scope,
} from '../model/types.ts';
import {
  type Journal,
  operation,
  type Ports,
  type RequestContext,
  type RequestVault,
} from './request.ts';
import { notFound } from './versions.ts';

/** A caller, as far as its token decides what it may do with a secret. */
type Caller = {
  readonly scopes: readonly string[];
  /** Patterns of the visible names; `undefined`: all names. */
  readonly names: readonly string[] | undefined;
};

export type ExplainSecret = {
  readonly name: string;
  /** The caller to explain. Scopes or names that are left out are those of the caller's own token. */
  readonly caller: Partial<Caller>;
};

/** `unusable`: KMS refuses the key, which may be disabled. `unreachable`: KMS gave no answer. */
type KeyState = { readonly state: 'usable' | 'unusable' | 'unreachable'; readonly id?: string };

type Access = { readonly allowed: boolean; readonly why: string };

export type Explanation = {
  /** The current version, which may be a deletion; `undefined`: the secret never existed. */
  readonly head: Head | undefined;
  readonly masterKey: KeyState & {
    /** Whether the head was sealed under this key; `undefined` without a value or an id. */
    readonly sealedCurrent: boolean | undefined;
  };
  /** The cost of a read of the current value: its calls, and the units that the store counts. */
  readonly readCost: Readonly<Record<'storeCalls' | 'kmsCalls' | 'units', number>>;
  readonly caller: {
    readonly scopes: readonly string[];
    readonly names: readonly string[];
    /** The first of `names` that covers the name of the secret. */
    readonly pattern: string | undefined;
    readonly access: Readonly<Record<'read' | 'update' | 'delete', Access>>;
  };
};

/**
 * Explains a secret without its value: its head, the master key, the cost of a read, and what a caller may do
 * with it. A master key that cannot be used is a part of the answer. Throws `not_found` for a name that is
 * hidden from the caller, after the same calls, and the errors of the store.
 */
export const explainSecret = (ports: Ports) => {
  const look = operation(ports, lookAt);
  return async (
    context: RequestContext,
    principal: Principal,
    { name, caller }: ExplainSecret,
  ): Promise<Explanation> => {
    const meter = createMeter(context.journal);
    const { head, masterKey } = await look({ ...context, journal: meter.journal }, principal, name);
    if (!isNameVisible(principal.names, name)) throw notFound('hidden');
    // A read looks at the head as this request did, and then opens its value.
    const sealedUnder = head?.state === 'stored' ? keyIdOf(head.masterKeyId) : undefined;
    return {
      head,
      masterKey: {
        ...masterKey,
        sealedCurrent: sealedUnder && masterKey.id ? sealedUnder === masterKey.id : undefined,
      },
      readCost: { storeCalls: 1, kmsCalls: sealedUnder ? 1 : 0, units: meter.units() },
      caller: decideAccess({ ...principal, ...caller }, name),
    };
  };
};

/** Awaits both answers before either counts, so that every name takes the same calls and time. */
const lookAt = async (
  { store, dataKeys, journal }: RequestVault,
  name: string,
): Promise<{ head: Head | undefined; masterKey: KeyState }> => {
  journal.concerns({ name });
  const probed = dataKeys
    .probe()
    .then(({ masterKeyId }): KeyState => ({ state: 'usable', id: keyIdOf(masterKeyId) }), failed);
  const [found, key] = await Promise.allSettled([store.findHead(name), probed]);
  if (found.status === 'rejected') throw found.reason;
  if (key.status === 'rejected') throw key.reason;
  if (found.value) journal.concerns(found.value);
  return { head: found.value, masterKey: key.value };
};

const failed = (error: unknown): KeyState => {
  if (!(error instanceof VaultError)) throw error;
  return { state: error.retryable === true ? 'unreachable' : 'unusable' };
};

const decideAccess = ({ scopes, names = ['*'] }: Caller, name: string): Explanation['caller'] => {
  const pattern = coveringPattern(names, name);
  const accessWith = (scope: Scope): Access => {
    const reasons = [
      ...(scopes.includes(scope) ? [] : [`the scope ${scope} is missing`]),
      ...(pattern === undefined ? ['the names do not cover it'] : []),
    ];
    if (reasons.length > 0) return { allowed: false, why: reasons.join(', and ') };
    return { allowed: true, why: `the pattern ${pattern} covers it` };
  };
  const access = {
    read: accessWith('secrets:read'),
    update: accessWith('secrets:write'),
    delete: accessWith('secrets:delete'),
  };
  return { scopes, names, pattern, access };
};

/** A journal that also sums up the units of its request. */
const createMeter = (journal: Journal) => {
  let sum = 0;
  const called: Journal['called'] = (service, call, units = 0) => {
    sum += units;
    journal.called(service, call, units);
  };
  return { journal: { ...journal, called }, units: () => sum };
};
