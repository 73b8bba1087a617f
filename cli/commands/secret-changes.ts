/** Reads how the secrets of a file changed, without values, so that the vault needs no master key. */
import type { VersionEntry } from '../../client/types.ts';
import { inOtherWords, isFailure } from '../../system/failures.ts';
import { eachVersion } from '../requests/secret-lists.ts';
import type { Session } from '../requests/vault-client.ts';

export type SecretVersion = { readonly name: string } & VersionEntry;

/** The versions that began at one instant: several if one request wrote several secrets. */
export type Change = { readonly at: string; readonly versions: readonly SecretVersion[] };

/** The versions of all secrets of a file since an instant, with those that were valid at it. */
export type History = readonly SecretVersion[];

/** Reads the history since `from`, an instant as the vault writes it: the order of instants is that of text. */
export const readHistory = async (
  session: Session,
  names: readonly string[],
  from: string,
): Promise<History> => {
  const history: SecretVersion[] = [];
  for (const name of names) {
    try {
      for await (const version of eachVersion(session, name)) {
        history.push({ name, ...version });
        if (version.validFrom <= from) break;
      }
    } catch (error) {
      throw isFailure(error) ? inOtherWords(error, `${name}: ${error.message}`) : error;
    }
  }
  return history;
};

/** The changes after `from` until `to`, in the order of time. */
export const changesOf = (history: History, from: string, to: string | undefined): Change[] => {
  const isInside = ({ validFrom }: SecretVersion) =>
    validFrom > from && (to === undefined || validFrom <= to);
  const byInstant = new Map<string, SecretVersion[]>();
  for (const version of history.filter(isInside)) {
    byInstant.set(version.validFrom, [...(byInstant.get(version.validFrom) ?? []), version]);
  }
  return [...byInstant]
    .map(([at, versions]) => ({ at, versions }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
};

/** The version of a secret that was valid at an instant; `undefined` if there was none yet. */
export const validAt = (history: History, name: string, at: string): SecretVersion | undefined =>
  history
    .filter((version) => version.name === name && version.validFrom <= at)
    .reduce<SecretVersion | undefined>(
      (newest, one) => (newest === undefined || one.version > newest.version ? one : newest),
      undefined,
    );
