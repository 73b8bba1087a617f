/**
 * Versions of etcd. Before certain releases, a linearizable read could in rare cases be stale after
 * the leader had been paused or replaced (etcd issue 20418, fixed by pull requests 21378 and 21417
 * and their backports).
 */

/** For each older minor release, the first patch release with both fixes. */
const firstFixedPatch: Readonly<Record<string, number>> = { '3.4': 42, '3.5': 28, '3.6': 9 };

/**
 * Whether this version of etcd, such as `3.4.23`, may miss an acknowledged write in a linearizable
 * read. No version from 3.7.0 on does. False if the text is not a version.
 */
export const isKnownToReadStale = (version: string): boolean => {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (parts === null) return false;
  const [major = 0, minor = 0, patch = 0] = parts.slice(1).map(Number);
  if (major !== 3) return major < 3;
  const fixed = firstFixedPatch[`3.${minor}`];
  return fixed === undefined ? minor < 4 : patch < fixed;
};

/**
 * The minor version of an etcd, such as `3.4`. Different minor versions may compute different
 * hashes of the same data, so their hashes are never compared.
 */
export const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');
