/** The lists of the vault (client/pages.ts), with the failures of the command line. */
import { isVaultError } from '../client/errors.ts';
import * as pages from '../client/pages.ts';
import type { SecretDetails, VersionEntry } from '../client/types.ts';
import type { Session } from './command.ts';
import { failureOf } from './failures.ts';

async function* withFailures<Entry>(entries: AsyncIterable<Entry>): AsyncGenerator<Entry> {
  try {
    yield* entries;
  } catch (error) {
    throw isVaultError(error) ? failureOf(error) : error;
  }
}

const allOf = async <Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> => {
  const all: Entry[] = [];
  for await (const entry of withFailures(entries)) all.push(entry);
  return all;
};

type Names = Parameters<typeof pages.eachName>[1];
type Versions = Parameters<typeof pages.eachVersion>[2];

export const readNames = ({ client }: Session, asked: Names): Promise<string[]> =>
  allOf(pages.eachName(client, asked));

/** The names with what their current versions say of themselves. */
export const readDetails = ({ client }: Session, asked: Names): Promise<SecretDetails[]> =>
  allOf(pages.eachDetails(client, asked));

/** The versions of a secret, the newest first. It reads no page before its versions are asked for. */
export const eachVersion = ({ client }: Session, name: string, asked: Versions = {}) =>
  withFailures(pages.eachVersion(client, name, asked));

/** All versions of a secret, the newest first. */
export const readVersions = (
  session: Session,
  name: string,
  include?: 'values',
): Promise<VersionEntry[]> => allOf(pages.eachVersion(session.client, name, { include }));
