import type { StoredVersion, ValueVersion } from '../model/types.ts';
import { operation, type Ports, type RequestVault, type Selection } from './request.ts';
import { openVersion } from './sealing.ts';
import {
  absenceOf,
  findNumbered,
  findValidAt,
  isOneOf,
  notFound,
  requireValue,
} from './versions.ts';

export type GetSecret = {
  readonly name: string;
  /** The current version, a version by number, or the one valid at an instant. */
  readonly which: 'latest' | { readonly version: number } | { readonly at: number };
  /** The versions that the caller has already; `*`: any version. Only with `latest`. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined;
};
export type OpenedVersion = {
  readonly stored: ValueVersion;
  /** `undefined` if the caller has this version already. */
  readonly value: Uint8Array | undefined;
};

/**
 * Returns a version with its value, which is not opened if the caller has that version already. Throws
 * `not_found`, `version_destroyed`, `integrity_failure`, and the errors of store and data keys.
 */
export const getSecret = (ports: Ports) =>
  operation(ports, async (vault, request: GetSecret): Promise<OpenedVersion> => {
    const { which, ifNoneMatch } = request;
    vault.journal.concerns({ name: request.name });
    const selection = selectionOf(which);
    const found = await find(vault, request);
    // A current version that is a deletion stands in the line, too.
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
  const head = await vault.store.findHead(name);
  if (!head) throw notFound(absenceOf(vault.principal, name));
  return which === 'latest' ? head : await findValidAt(vault, head, which.at);
};
