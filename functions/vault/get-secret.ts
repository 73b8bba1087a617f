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
  if ('version' in which) {
    const [head, superseded] = await Promise.all([
      store.findHead(context, principal, name),
      store.findVersion(context, principal, name, which.version),
    ]);
    return (
      head && (await chooseVersion(store, context, principal, which.version, head, superseded))
    );
  }
  const head = await store.findHead(context, principal, name);
  return head && (await findValidAt(store, context, principal, which.at, head));
};

/**
 * The version numbered `version`, from a head and a version item that were read beside each other,
 * not at one instant. Both show it: an update passed between, and the item knows the interval's end.
 * Neither does though the head is beyond: the item was read too early, and once more is enough.
 */
export const chooseVersion = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  version: number,
  head: StoredVersion,
  superseded: StoredVersion | undefined,
): Promise<StoredVersion | undefined> => {
  if (version > head.version && !superseded) return undefined;
  if (version === head.version && !superseded) return head;
  const found = superseded ?? (await getSuperseded(store, context, principal, head.name, version));
  if (head.version === version + 1) requireTiling(found, head);
  return found;
};

/**
 * The version valid at an instant, as this head shows it; `undefined`: the secret did not exist then.
 * Binary search over the superseded versions: each carries both ends of its interval.
 */
export const findValidAt = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  at: number,
  head: StoredVersion,
): Promise<StoredVersion | undefined> => {
  if (at >= head.validFrom) return head;
  let low = 1;
  let high = head.version - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await getSuperseded(store, context, principal, head.name, middle);
    if (middle + 1 === head.version) requireTiling(found, head);
    if (at < found.validFrom) high = middle - 1;
    else if (found.validTo !== undefined && at < found.validTo) return found;
    else low = middle + 1;
  }
  // Before version 1 there was nothing; between two versions there is no gap.
  if (high >= 1) throw new VaultError('integrity_failure', 'the intervals of a secret have a gap');
  return undefined;
};

/** A version below the head. Superseded versions are never deleted: its absence is a fault. */
export const getSuperseded = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  name: string,
  version: number,
): Promise<StoredVersion> => {
  const found = await store.findVersion(context, principal, name, version);
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
