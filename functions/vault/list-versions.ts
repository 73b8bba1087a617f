import { limits } from '../model/limits.ts';
import type { StoredVersion } from '../model/types.ts';
import { inParallel } from './parallel.ts';
import { requireHead } from './permission.ts';
import { operation, type Ports } from './request.ts';
import { openVersion } from './sealing.ts';
import { type PageOfVersions, readPage } from './versions.ts';

/** At most `limits.versionsPageMax` versions per page, or `limits.valuesPageMax` with values. */
export type ListVersions = PageOfVersions & {
  readonly name: string;
  readonly includeValues: boolean;
};
export type ListedVersion = {
  readonly stored: StoredVersion;
  /** Present only if the caller asked for values and this version has one. */
  readonly value: Uint8Array | undefined;
};
export type VersionsPage = {
  readonly versions: readonly ListedVersion[];
  /** The version after which the next page begins; `undefined` on the last page. */
  readonly next: number | undefined;
};

/**
 * Returns a page of a secret's history, without gaps. Throws `not_found`, `integrity_failure` if a
 * version is missing or its interval does not join its neighbour's, and, with values, the errors of
 * data keys.
 */
export const listVersions = (ports: Ports) =>
  operation(ports, async (vault, request: ListVersions): Promise<VersionsPage> => {
    vault.journal.concerns({ name: request.name });
    const { store, principal } = vault;
    const head = requireHead(principal, request.name, await store.findHead(request.name));
    const page = await readPage(vault, head, request);
    const last = page.at(-1)?.version ?? 0;
    const ends = request.order === 'asc' ? last >= head.version : last <= 1;
    const open = async (stored: StoredVersion): Promise<ListedVersion> => ({
      stored,
      value:
        request.includeValues && stored.state === 'stored'
          ? await openVersion(vault, stored, 'past')
          : undefined,
    });
    return {
      versions: await inParallel(page, limits.kmsConcurrencyMax, open),
      next: page.length === 0 || ends ? undefined : last,
    };
  });
