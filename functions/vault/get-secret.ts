import type { StoredVersion } from '../model/types.ts';
import { operation, type Ports, type RequestVault } from './request.ts';
import { openVersion } from './sealing.ts';
import { findNumbered, findValidAt, notFound } from './versions.ts';

export type GetSecret = {
  readonly name: string;
  /** The current version, a version by number, or the one valid at an instant. */
  readonly which: 'latest' | { readonly version: number } | { readonly at: number };
};
export type OpenedVersion = { readonly stored: StoredVersion; readonly value: Uint8Array };

/** Returns a version with its value. Throws `not_found`, `integrity_failure`, and the errors of store and data keys. */
export const getSecret = (ports: Ports) =>
  operation(ports, async (vault, request: GetSecret): Promise<OpenedVersion> => {
    vault.journal.concerns({ name: request.name });
    const stored = await find(vault, request);
    if (!stored) throw notFound();
    vault.journal.concerns(stored);
    return { stored, value: await openVersion(vault, stored) };
  });

const find = async (
  vault: RequestVault,
  { name, which }: GetSecret,
): Promise<StoredVersion | undefined> => {
  if (which !== 'latest' && 'version' in which) {
    return await findNumbered(vault, name, which.version);
  }
  const head = await vault.store.findHead(name);
  return head && (which === 'latest' ? head : await findValidAt(vault, head, which.at));
};
