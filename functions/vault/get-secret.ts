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

/** Returns a version with its value. Throws `not_found`, `integrity_failure`, and the errors of store and data keys. */
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
 * The version with the number `version`; its interval is checked against its successor. The three reads are no
 * snapshot. If they find a version item at or above the head, an update ran in between, so the head is read again.
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
  // A single read may see one item of a running update before the other. A transaction sees both.
  const head = passed ? (await store.findHeads(context, principal, [name])).get(name) : shown;
  if (!head) return undefined;
  if (superseded && head.version <= version) {
    throw new VaultError('integrity_failure', 'a version exists at or beyond the head');
  }
  const found = await chooseVersion(store, context, principal, version, head, superseded);
  if (head.version > version + 1 && found) {
    const next = successor ?? (await getSuperseded(store, context, principal, name, version + 1));
    requireTiling(found, next);
  }
  return found;
};

/**
 * The version with the number `version`, given a head. `superseded` is its item, if an earlier read found it. An
 * earlier read may have come too early and missed the item, so the item is read again; once is enough.
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
 * The version that was valid at an instant, given a head; `undefined` if the secret did not exist then. A binary
 * search finds two neighbours: one had begun by then, and the next had not. Their beginnings are sealed, and the end
 * of the first is checked against the beginning of the next.
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
 * A version below the head. Superseded versions are never deleted, so a missing one is an integrity failure, unless the
 * update that writes it is still running. A settled look-up decides that.
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

/** Throws unless two intervals join. `validTo` is not sealed, so it is checked whenever the successor is read too. */
export const requireTiling = (earlier: StoredVersion, later: StoredVersion): void => {
  if (earlier.validTo !== later.validFrom) {
    throw new VaultError('integrity_failure', 'an interval does not end where the next begins');
  }
};
