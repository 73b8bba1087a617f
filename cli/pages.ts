/** Reads lists that the server returns in pages. A page may be short; only a missing cursor ends a list. */

import type { QueryOf, ReplyOf } from '../client/types.ts';
import type { Session } from './command.ts';

const namesPage = 1_000;

type Names = Pick<QueryOf<'list-secrets'>, 'prefix' | 'state'>;
type Details = NonNullable<ReplyOf<'list-secrets'>['secrets']>;

export const readNames = async ({ client }: Session, asked: Names): Promise<string[]> => {
  const names: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client('list-secrets', { query: { ...asked, cursor, limit: namesPage } });
    names.push(...page.names);
    cursor = page.nextCursor;
  }
  return names;
};

/** The names with what their current versions say of themselves. */
export const readDetails = async ({ client }: Session, asked: Names): Promise<Details> => {
  const details: Details = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client('list-secrets', { query: { ...asked, cursor, include: 'details' } });
    details.push(...(page.secrets ?? []));
    cursor = page.nextCursor;
  }
  return details;
};

/** The versions of a secret, the newest first. It reads no page before its versions are asked for. */
export async function* eachVersion(
  { client }: Session,
  name: string,
  { include, limit }: Pick<QueryOf<'list-versions'>, 'include' | 'limit'> = {},
) {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: ReplyOf<'list-versions'> = await client('list-versions', {
      name,
      query: { include, limit, cursor },
    });
    yield* page.versions;
    cursor = page.nextCursor;
  }
}

/** All versions of a secret, the newest first. */
export const readVersions = async (session: Session, name: string, include?: 'values') => {
  const versions: ReplyOf<'list-versions'>['versions'] = [];
  for await (const entry of eachVersion(session, name, { include })) versions.push(entry);
  return versions;
};
