/** Lists that the vault returns in pages. Pages are requested as their entries are needed. */
import { vaultError } from './errors.ts';
import type { Request } from './sending.ts';
import type { QueryOf, SecretDetails, VersionEntry } from './types.ts';

type Names = Pick<QueryOf<'list-secrets'>, 'prefix' | 'state'>;
type Versions = Pick<QueryOf<'list-versions'>, 'order' | 'include' | 'limit'>;

const namesPage = 1_000;

/** Lists the names of the secrets in ascending order. */
export const eachName = (request: Request, asked: Names, signal?: AbortSignal) =>
  eachEntry<string>(async (cursor) => {
    const query = { ...asked, cursor, limit: namesPage };
    const { names, nextCursor } = await request('list-secrets', { query, signal });
    return { entries: names, nextCursor };
  });

/** Lists the names of the secrets with the metadata of their current versions. */
export const eachDetails = (request: Request, asked: Names, signal?: AbortSignal) =>
  eachEntry<SecretDetails>(async (cursor) => {
    const query = { ...asked, cursor, include: 'details' } as const;
    const { secrets = [], nextCursor } = await request('list-secrets', { query, signal });
    return { entries: secrets, nextCursor };
  });

/** Lists the versions of a secret, newest first unless `asked` says otherwise. */
export const eachVersion = (
  request: Request,
  name: string,
  asked: Versions,
  signal?: AbortSignal,
) =>
  eachEntry<VersionEntry>(async (cursor) => {
    const query = { ...asked, cursor };
    const { versions, nextCursor } = await request('list-versions', { name, query, signal });
    return { entries: versions, nextCursor };
  });

type Page<Entry> = { readonly entries: readonly Entry[]; readonly nextCursor: string | null };

/**
 * Yields the entries of all pages of a list. A page may be short or empty; only a missing cursor
 * ends a list. Throws a `VaultError` if a cursor repeats, because such a list would never end.
 */
async function* eachEntry<Entry>(
  read: (cursor: string | undefined) => Promise<Page<Entry>>,
): AsyncGenerator<Entry> {
  const known = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const { entries, nextCursor }: Page<Entry> = await read(cursor);
    yield* entries;
    if (nextCursor === null) return;
    if (typeof nextCursor !== 'string' || known.has(nextCursor)) throw endless();
    known.add(nextCursor);
    cursor = nextCursor;
  }
}

const endless = () =>
  vaultError({
    code: 'unexpected_reply',
    message: 'a cursor of the list came again, so the list would never end: no vault does this',
    status: 200,
    retryable: false,
    mayHaveEffect: false,
    idempotencyKey: undefined,
  });
