import type { StoredVersion, ValueVersion } from '../model/types.ts';
import { requireHead } from './permission.ts';
import { operation, type Ports, type RequestVault, type Selection } from './request.ts';
import { openVersion } from './sealing.ts';
import { findNumbered, findValidAt, isOneOf, requireValue } from './versions.ts';

export type GetSecret = {
  readonly name: string;
  /** The current version, a version by its number, or the version that was valid at an instant. */
  readonly which: 'latest' | { readonly version: number } | { readonly at: number };
  /** The versions that the caller already has; `*` means any. Only with `latest`. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined;
};
export type OpenedVersion = {
  readonly stored: ValueVersion;
  /** `undefined` if the caller has this version already. */
  readonly value: Uint8Array | undefined;
};

/**
 * Returns a version with its value. The value is not opened if the caller already has that version.
 * Throws `not_found`, `version_destroyed`, `integrity_failure`, and the errors of the store and of
 * data keys.
 */
export const getSecret = (ports: Ports) =>
  operation(ports, async (vault, request: GetSecret): Promise<OpenedVersion> => {
    const { which, ifNoneMatch } = request;
    vault.journal.concerns({ name: request.name });
    const selection = selectionOf(which);
    const found = await find(vault, request);
    // If the current version is a deletion, the log line names it too.
    if (found && which === 'latest') vault.journal.concerns(found);
    const stored = requireValue(found, selection === 'past' ? 'before_first' : 'beyond_current');
    vault.journal.concerns(stored);
    if (ifNoneMatch !== undefined && isOneOf(ifNoneMatch, stored)) {
      vault.journal.compared(stored, 'current');
      return { stored, value: undefined };
    }
    return { stored, value: await openVersion(vault, stored, selection) };
  });

const selectionOf = (which: GetSecret['which']): Selection => {
  if (which === 'latest') return 'current';
  return 'version' in which ? 'number' : 'past';
};

const find = async (
  vault: RequestVault,
  { name, which }: GetSecret,
): Promise<StoredVersion | undefined> => {
  if (which !== 'latest' && 'version' in which) {
    return await findNumbered(vault, name, which.version);
  }
  const head = requireHead(vault.principal, name, await vault.store.findHead(name));
  return which === 'latest' ? head : await findValidAt(vault, head, which.at);
};
