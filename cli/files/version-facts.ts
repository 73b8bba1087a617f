/**
 * Reads the versions of the secrets of a file, without values, so that the vault needs no master
 * key.
 */

import type { VersionEntry } from '../../client/types.ts';
import type { Pinned } from '../../functions/env/pins.ts';
import type { Reference } from '../../functions/env/references.ts';
import { isVersionTag } from '../../functions/model/types.ts';
import { failure, isFailure } from '../../system/failures.ts';
import { eachVersion } from '../requests/secret-lists.ts';
import type { Session } from '../requests/vault-client.ts';

/** The newest version of a secret, or its deletion. Neither can be destroyed. */
export type NewestVersion = Exclude<VersionEntry, { state: 'destroyed' }>;

export type SecretFacts = {
  readonly newest: NewestVersion;
  /** The requested versions, as far as they exist. */
  readonly pinned: ReadonlyMap<number, VersionEntry>;
};

/**
 * The facts about secrets by name; `undefined` for a secret that does not exist or that the token
 * may not see.
 */
export type Facts = ReadonlyMap<string, SecretFacts | undefined>;

/** The number of requests that run at once. */
const lanesMax = 8;
/**
 * The maximum number of readings of the secrets of a file. More than two are needed only if a
 * secret changes meanwhile.
 */
const readingsMax = 10;

/**
 * Reads the newest version and the pinned versions of each name, for several names at once. A
 * secret whose stored items are damaged is an error, unless `onDamage` takes its name.
 */
export const readFacts = async (
  session: Session,
  references: readonly Reference[],
  onDamage?: (name: string) => void,
): Promise<Facts> => {
  const facts = new Map<string, SecretFacts | undefined>();
  const names = new Set(references.map(({ name }) => name)).values();
  const lane = async () => {
    for (const name of names) {
      const versions = references.flatMap((one) => (one.name === name ? (one.version ?? []) : []));
      facts.set(name, await readSecret(session, name, versions, onDamage));
    }
  };
  // With --curl a command prints its first request instead of sending it, so only one lane may
  // begin.
  const lanes = session.settings.curl ? 1 : lanesMax;
  await Promise.all(Array.from({ length: lanes }, lane));
  return facts;
};

/**
 * Reads until two consecutive readings agree. A newest version was current from its first reading
 * to its second, so between the two all newest versions were current at the same time, and a file
 * may pin them.
 */
export const readFactsOfOneInstant = async (
  session: Session,
  references: readonly Reference[],
): Promise<Facts> => {
  let before = await readFacts(session, references);
  for (let reading = 2; reading <= readingsMax; reading++) {
    const facts = await readFacts(session, references);
    const isSame = ([name, one]: readonly [string, SecretFacts | undefined]) =>
      before.get(name)?.newest.version === one?.newest.version;
    if ([...facts].every(isSame)) return facts;
    before = facts;
  }
  throw failure('the secrets of the file change too often: try again', { kind: 'unavailable' });
};

const readSecret = async (
  session: Session,
  name: string,
  versions: readonly number[],
  onDamage: ((name: string) => void) | undefined,
): Promise<SecretFacts | undefined> => {
  const lowest = Math.min(...versions);
  const pinned = new Map<number, VersionEntry>();
  let newest: NewestVersion | undefined;
  const limit = versions.length === 0 ? 1 : undefined;
  try {
    for await (const entry of eachVersion(session, name, { limit })) {
      if (entry.state !== 'destroyed') newest ??= entry;
      if (versions.includes(entry.version)) pinned.set(entry.version, entry);
      if (entry.version <= lowest) break;
    }
  } catch (error) {
    const { code } = isFailure(error) ? error.report : {};
    if (code === 'integrity_failure' && onDamage) onDamage(name);
    else if (code !== 'not_found') throw error;
    return undefined;
  }
  return newest && { newest, pinned };
};

/** Why a reference has no value; `undefined` if it has one. */
export type UnusableReason =
  | 'not_found'
  | 'no_such_version'
  | 'another_history'
  | 'secret_deleted'
  | 'version_destroyed';

export const whyUnusable = (
  facts: Facts,
  { name, version, anchor }: Reference,
): UnusableReason | undefined => {
  const secret = facts.get(name);
  if (secret === undefined) return 'not_found';
  if (version === undefined)
    return secret.newest.state === 'deleted' ? 'secret_deleted' : undefined;
  const pinned = secret.pinned.get(version);
  if (pinned === undefined || pinned.state === 'deleted') return 'no_such_version';
  // A vault before 2.0.0 returns no anchors, so the pin's anchor cannot be checked there.
  if (anchor !== undefined && (pinned.anchor ?? anchor) !== anchor) return 'another_history';
  return pinned.state === 'destroyed' ? 'version_destroyed' : undefined;
};

/**
 * Returns the pin to a version, with or without its anchor (`NAME@3.k3f9qzTb`). Throws a failure if
 * the anchor is wanted and the vault has returned none.
 */
export const pinTo = (entry: VersionEntry, isAnchored: boolean): Pinned => ({
  version: entry.version,
  anchor: isAnchored ? requireAnchor(entry, '2.0.0') : undefined,
});

/**
 * Returns the anchor of a version. Throws a failure if the vault has returned none, or other text
 * in its place. `release` is the first release of the vault that returns it.
 */
export const requireAnchor = (
  { version, anchor = '' }: Pick<VersionEntry, 'version' | 'anchor'>,
  release: string,
): string => {
  if (isVersionTag(`${version}.${anchor}`)) return anchor;
  throw failure(`the vault shows no anchors: releases before ${release} do not`);
};
