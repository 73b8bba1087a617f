import { VaultError } from '../model/errors.ts';
import type { Principal, StoredVersion } from '../model/types.ts';
import { notFound } from './not-found.ts';
import type { Ports, RequestContext, Store } from './ports.ts';
import { openVersion } from './sealing.ts';

export type GetSecret = {
  readonly name: string;
  /** The current version, a version by number, or the one valid at an instant. */
  readonly which: 'latest' | { readonly version: number } | { readonly at: number };
};
export type OpenedVersion = { readonly stored: StoredVersion; readonly value: Uint8Array };

/** Throws `not_found`, `integrity_failure`, and what the store and data keys throw. */
export const getSecret =
  ({ store, dataKeys }: Ports) =>
  async (
    context: RequestContext,
    principal: Principal,
    { name, which }: GetSecret,
  ): Promise<OpenedVersion> => {
    const stored = await find(store, context, principal, name, which);
    if (!stored) throw notFound();
    context.journal.concerns(stored);
    return { stored, value: await openVersion(context, dataKeys, stored) };
  };

const find = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  name: string,
  which: GetSecret['which'],
): Promise<StoredVersion | undefined> => {
  if (which === 'latest') return await store.findHead(context, principal, name);
  if ('version' in which) return await findNumbered(store, context, principal, name, which.version);
  const head = await store.findHead(context, principal, name);
  return head && (await findValidAt(store, context, principal, which.at, head));
};

/**
 * The version numbered `version`, with its interval as its successor shows it. What is read beside each
 * other is not of one instant: an item of what the head shows as current, or has not reached, is there
 * only if an update passed between, and then the head has gone on by now.
 */
const findNumbered = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  name: string,
  version: number,
): Promise<StoredVersion | undefined> => {
  const [shown, superseded, successor] = await Promise.all([
    store.findHead(context, principal, name),
    store.findVersion(context, principal, name, version),
    store.findVersion(context, principal, name, version + 1),
  ]);
  const passed = superseded && shown && shown.version <= version;
  // Of an update under way one item may be seen before the other; a transaction sees both.
  const head = passed ? (await store.findHeads(context, principal, [name])).get(name) : shown;
  if (!head) return undefined;
  if (superseded && head.version <= version) {
    throw new VaultError('integrity_failure', 'a version stands at or beyond the head');
  }
  const found = await chooseVersion(store, context, principal, version, head, superseded);
  if (head.version > version + 1 && found) {
    const next = successor ?? (await getSuperseded(store, context, principal, name, version + 1));
    requireTiling(found, next);
  }
  return found;
};

/**
 * The version numbered `version`, as this head shows it. `superseded`: its item, if it was read already
 * and found; read too early, it may have been missing, and once more is enough.
 */
export const chooseVersion = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  version: number,
  head: StoredVersion,
  superseded: StoredVersion | undefined,
): Promise<StoredVersion | undefined> => {
  if (version > head.version) return undefined;
  if (version === head.version) return head;
  const found = superseded ?? (await getSuperseded(store, context, principal, head.name, version));
  if (head.version === version + 1) requireTiling(found, head);
  return found;
};

/**
 * The version valid at an instant, as this head shows it; `undefined`: the secret did not exist then.
 * Binary search for two neighbours, of which one has begun by then and the other has not: that is told
 * by what is sealed, and where the one ends by both.
 */
export const findValidAt = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  at: number,
  head: StoredVersion,
): Promise<StoredVersion | undefined> => {
  if (at >= head.validFrom) return head;
  let begun: StoredVersion | undefined;
  let later = head;
  for (;;) {
    const low = begun?.version ?? 0;
    if (later.version - low === 1) break;
    const middle = Math.floor((low + later.version) / 2);
    const found = await getSuperseded(store, context, principal, head.name, middle);
    if (found.validFrom <= at) begun = found;
    else later = found;
  }
  if (begun) requireTiling(begun, later);
  return begun;
};

/**
 * A version below the head. Superseded versions are never deleted: its absence is a fault, unless the update that put it
 * there is under way still.
 */
export const getSuperseded = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  name: string,
  version: number,
): Promise<StoredVersion> => {
  const found =
    (await store.findVersion(context, principal, name, version)) ??
    (await store.findVersion(context, principal, name, version, 'settled'));
  if (!found) {
    context.journal.decided('integrity_failure', { name, version });
    throw new VaultError('integrity_failure', 'a version below the head is missing');
  }
  return found;
};

/** `validTo` is not sealed, so it is checked against the successor wherever both are read. */
export const requireTiling = (earlier: StoredVersion, later: StoredVersion): void => {
  if (earlier.validTo !== later.validFrom) {
    throw new VaultError('integrity_failure', 'an interval does not end where the next begins');
  }
};
