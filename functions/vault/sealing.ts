/**
 * Creates data keys and new versions, and seals and opens values. A data key stays in memory for
 * one request only.
 */
import { open, seal } from '../crypto/envelope.ts';
import { ApiError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { Deletion, Head, SealedVersion } from '../model/types.ts';
import type { DataKey } from './ports.ts';
import type { RequestVault, Selection } from './request.ts';

/** What sealing uses of a request. Most of it ends up in the versions that the request writes. */
type WritingVault = Pick<RequestVault, 'now' | 'writeId' | 'vaultId' | 'principal' | 'journal'>;

/** A version to be written: the head it replaces, if there is one, and the caller's note. */
type NextVersion = {
  readonly name: string;
  readonly base: Head | undefined;
  readonly note?: string | undefined;
};

/**
 * Returns the data key for a name. All attempts of a request share it, and each attempt draws a new
 * iv.
 */
export type KeyOf = (name: string) => Promise<DataKey>;

/**
 * Runs work that needs data keys. Generates at most one per name, and zeroes them all at the end.
 */
export const withKeys = async <Result>(
  { dataKeys, vaultId, principal }: Pick<RequestVault, 'dataKeys' | 'vaultId' | 'principal'>,
  work: (keyOf: KeyOf) => Promise<Result>,
): Promise<Result> => {
  const keys = new Map<string, Promise<DataKey>>();
  const bound = { vault: vaultId, tenant: principal.tenant };
  try {
    return await work((name) => {
      const key = keys.get(name) ?? dataKeys.generate({ ...bound, name });
      keys.set(name, key);
      return key;
    });
  } finally {
    for (const key of await Promise.allSettled(keys.values())) {
      if (key.status === 'fulfilled') key.value.plaintext.fill(0);
    }
  }
};

/** Seals `value` as the next version of a secret. */
export const sealNext = (
  vault: WritingVault,
  { plaintext, wrapped, masterKeyId }: DataKey,
  next: NextVersion,
  value: Uint8Array,
): SealedVersion => {
  const identity = { ...factsOf(vault, next), masterKeyId, note: next.note };
  const sealed = seal(value, plaintext, identity);
  return { ...identity, ...sealed, state: 'stored', wrappedDataKey: wrapped };
};

/** Returns the deletion that becomes the next version of a secret. */
export const deleteNext = (vault: WritingVault, next: NextVersion): Deletion => ({
  ...factsOf(vault, next),
  state: 'deleted',
  note: next.note,
});

/**
 * The identifying fields of the next version. Its interval begins now, or 1 ms after the beginning
 * of the version that it replaces if that is later. So a clock that jumps back cannot reorder
 * versions, and intervals neither overlap nor leave gaps.
 */
const factsOf = (vault: WritingVault, { name, base }: NextVersion) => {
  const { now, writeId, vaultId, principal, journal } = vault;
  const version = (base?.version ?? 0) + 1;
  if (version > limits.versionMax) {
    throw new ApiError('too_large', 'the secret has reached the highest version number', {
      properties: { limit: limits.versionMax },
    });
  }
  if (base && base.validFrom > now + times.clockSkewAlarmMs) {
    journal.decided('clock_skew', { name, version: base.version });
  }
  const validFrom = base ? Math.max(now, base.validFrom + 1) : now;
  const { tenant, subject } = principal;
  return { vault: vaultId, tenant, name, version, validFrom, createdBy: subject, writeId };
};

/**
 * Opens the value of a stored version. `selection` and `purpose` go to the log. Throws the errors
 * of `DataKeys` and `integrity_failure`.
 */
export const openVersion = async (
  { dataKeys, journal }: Pick<RequestVault, 'dataKeys' | 'journal'>,
  version: SealedVersion,
  selection: Selection,
  purpose: 'opened' | 'copied' = 'opened',
): Promise<Uint8Array> => {
  const { vault, tenant, name } = version;
  const key = await dataKeys.unwrap({ vault, tenant, name }, version.wrappedDataKey);
  try {
    const value = open(version, key, version);
    journal[purpose](version, selection);
    return value;
  } catch (error) {
    journal.decided('integrity_failure', { name, version: version.version });
    throw error;
  } finally {
    key.fill(0);
  }
};
