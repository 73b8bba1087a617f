/**
 * Reads how the secrets of a file changed, without values, so that the vault needs no master key.
 */
import type { VersionEntry } from '../../client/types.ts';
import { eachVersion } from '../requests/secret-lists.ts';
import type { Session } from '../requests/vault-client.ts';

export type SecretVersion = { readonly name: string } & VersionEntry;

/**
 * The versions that began at one instant. There are several if one request wrote several secrets.
 */
export type Change = { readonly at: string; readonly versions: readonly SecretVersion[] };

/**
 * The versions of the secrets that a file reads without a pin, secret by secret and the newest
 * first: those since an instant, and the one that was valid at it.
 */
export type History = readonly SecretVersion[];

/**
 * Reads the history since `from`. `from` is an instant as the vault writes it, so that instants can
 * be compared as texts.
 */
export const readHistory = async (
  session: Session,
  names: readonly string[],
  from: string,
): Promise<History> => {
  const history: SecretVersion[] = [];
  for (const name of names) {
    for await (const version of eachVersion(session, name)) {
      history.push({ name, ...version });
      if (version.validFrom <= from) break;
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
