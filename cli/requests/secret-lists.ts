/** The lists of the vault (client/pages.ts), for the command line. */
import * as pages from '../../client/pages.ts';
import type { SecretDetails, VersionEntry } from '../../client/types.ts';
import { failure, withSentence } from '../../system/failures.ts';
import type { Session } from './vault-client.ts';

const allOf = async <Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> => {
  const all: Entry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
};

type Names = Parameters<typeof pages.eachName>[1];
type Versions = Parameters<typeof pages.eachVersion>[2];

export const readNames = ({ client }: Session, asked: Names): Promise<string[]> =>
  allOf(pages.eachName(client, asked));

/** The names with the metadata of their current versions. */
export const readDetails = ({ client }: Session, asked: Names): Promise<SecretDetails[]> =>
  allOf(pages.eachDetails(client, asked));

/**
 * The versions of a secret, newest first. Pages are requested as they are needed. Throws if a
 * version is not a number, because it may be written into a file, where text could become a line of
 * its own.
 */
export async function* eachVersion(
  { client }: Session,
  name: string,
  asked: Versions = {},
): AsyncGenerator<VersionEntry> {
  for await (const entry of pages.eachVersion(client, name, asked)) {
    if (!Number.isSafeInteger(entry.version)) {
      throw failure('the vault answered with a version that is not a number');
    }
    yield entry;
  }
}

/** All versions of a secret, the newest first. */
export const readVersions = (
  session: Session,
  name: string,
  include?: 'values',
): Promise<VersionEntry[]> => allOf(eachVersion(session, name, { include }));

/**
 * Runs `action`, which reads a version. The vault's refusal does not say whether the version or the
 * secret is missing, so the message names both.
 */
export const ofVersion = <Result>(
  { name, version }: { readonly name: string; readonly version: number | undefined },
  action: () => Promise<Result>,
): Promise<Result> =>
  version === undefined
    ? action()
    : withSentence(
        'not_found',
        `no version ${version} of ${name}, or no such secret: dsvault history ${name} lists its versions`,
        action,
      );
