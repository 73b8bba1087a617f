import { ApiError } from '../model/errors.ts';
import { coveringPattern, type Head, keyIdOf, type Principal, type Scope } from '../model/types.ts';
import { requireVisible } from './permission.ts';
import {
  type Journal,
  operation,
  type Ports,
  type RequestContext,
  type RequestVault,
} from './request.ts';

/** The parts of a token that decide what its bearer may do with a secret. */
type Caller = {
  readonly scopes: readonly string[];
  /** Patterns of the visible names; `undefined` means all names. */
  readonly names: readonly string[] | undefined;
};

export type ExplainSecret = {
  readonly name: string;
  /**
   * The caller to explain. Scopes or names that are left out are taken from the token of this
   * request.
   */
  readonly caller: Partial<Caller>;
};

/**
 * `unusable`: KMS refused the key, for example because it is disabled. `unreachable`: KMS did not
 * answer, or throttled the call.
 */
type KeyState = { readonly state: 'usable' | 'unusable' | 'unreachable'; readonly id?: string };

type Access = { readonly allowed: boolean; readonly why: string };

export type Explanation = {
  /** The current version, which may be a deletion; `undefined` if the secret never existed. */
  readonly head: Head | undefined;
  readonly masterKey: KeyState & {
    /**
     * Whether the current value was sealed under this key; `undefined` if there is no value or the
     * key's id is unknown.
     */
    readonly sealedCurrent: boolean | undefined;
  };
  /** What reading the current value costs: calls, and the units that the store counts. */
  readonly readCost: Readonly<Record<'storeCalls' | 'kmsCalls' | 'units', number>>;
  readonly caller: {
    readonly scopes: readonly string[];
    readonly names: readonly string[];
    readonly pattern: string | undefined;
    readonly access: Readonly<Record<'read' | 'update' | 'delete', Access>>;
  };
};

/**
 * Explains a secret without its value: its head, the master key, what a read costs, and what a
 * caller may do with it. An unavailable master key is part of the answer, not an error. For a
 * hidden name, throws `not_found` after making the same calls. Throws the errors of the store.
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
    requireVisible(principal, name);
    // Reading the value makes the same store call as this request did, and one KMS call to open the
    // value.
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

/**
 * Reads the head and asks whether the master key can be used. Waits for both answers before using
 * either, so that every name takes the same calls and the same time.
 */
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
  if (!(error instanceof ApiError)) throw error;
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

/** Wraps a journal so that the units of the request are also added up. */
const createMeter = (journal: Journal) => {
  let sum = 0;
  const called: Journal['called'] = (service, call, units = 0) => {
    sum += units;
    journal.called(service, call, units);
  };
  return { journal: { ...journal, called }, units: () => sum };
};
