/**
 * Versions of etcd. Before some of them the answers to a linearizable read were stale in rare cases after the
 * leader had been paused or replaced (etcd issue 20418, fixed by its pull requests 21378 and 21417 and their
 * backports).
 */

/** The first patch release with both fixes, of each minor release that got them later than its first. */
const firstFixedPatch: Readonly<Record<string, number>> = { '3.4': 42, '3.5': 28, '3.6': 9 };

/**
 * Whether etcd of this version, such as `3.4.23`, may answer a read from before a write that was
 * acknowledged. Versions from 3.7.0 on may not. False for a text that is no version.
 */
export const isKnownToReadStale = (version: string): boolean => {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (parts === null) return false;
  const [major = 0, minor = 0, patch = 0] = parts.slice(1).map(Number);
  if (major !== 3) return major < 3;
  const fixed = firstFixedPatch[`3.${minor}`];
  return fixed === undefined ? minor < 4 : patch < fixed;
};

/** The minor version of an etcd, such as `3.4`. Different ones may compute different hashes of equal data. */
export const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');
