/** Reads lists that the server returns in pages. A page may be short; only a missing cursor ends a list. */
import type { Session } from './command.ts';

const namesPage = '1000';

export const readNames = async ({ client }: Session, prefix?: string): Promise<string[]> => {
  const names: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client('list-secrets', { query: { prefix, cursor, limit: namesPage } });
    names.push(...page.names);
    cursor = page.nextCursor;
  }
  return names;
};

/** All versions of a secret, the newest first. */
export const readVersions = async ({ client }: Session, name: string, withValues: boolean) => {
  const include = withValues ? 'values' : undefined;
  const first = await client('list-versions', { name, query: { include } });
  const versions = [...first.versions];
  for (let cursor = first.nextCursor; cursor !== null; ) {
    const page = await client('list-versions', { name, query: { include, cursor } });
    versions.push(...page.versions);
    cursor = page.nextCursor;
  }
  return versions;
};
