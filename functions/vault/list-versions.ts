import { limits } from '../model/limits.ts';
import type { StoredVersion } from '../model/types.ts';
import { inParallel } from './parallel.ts';
import { operation, type Ports } from './request.ts';
import { openVersion } from './sealing.ts';
import { absenceOf, notFound, type PageOfVersions, readPage } from './versions.ts';

/** The page has at most `limits.versionsPageMax` versions, or `limits.valuesPageMax` with values. */
export type ListVersions = PageOfVersions & {
  readonly name: string;
  readonly includeValues: boolean;
};
export type ListedVersion = {
  readonly stored: StoredVersion;
  /** Only if the caller asked for values, and the version holds one. */
  readonly value: Uint8Array | undefined;
};
export type VersionsPage = {
  readonly versions: readonly ListedVersion[];
  /** The version after which the next page begins; `undefined` on the last page. */
  readonly next: number | undefined;
};

/**
 * A page of a secret's history: contiguous versions whose intervals join, else it throws `integrity_failure`.
 * Throws `not_found`, and with values the errors of data keys.
 */
export const listVersions = (ports: Ports) =>
  operation(ports, async (vault, request: ListVersions): Promise<VersionsPage> => {
    vault.journal.concerns({ name: request.name });
    const head = await vault.store.findHead(request.name);
    if (!head) throw notFound(absenceOf(vault.principal, request.name));
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
