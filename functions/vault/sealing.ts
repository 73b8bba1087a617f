/** Makes new versions, seals and opens values. A data key is for one value, in memory for one request. */
import { open, seal } from '../crypto/envelope.ts';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { Deletion, Head, SealedVersion } from '../model/types.ts';
import type { DataKey } from './ports.ts';
import type { RequestVault, Selection } from './request.ts';

/** The parts of a request that become parts of the versions it writes. */
type WritingVault = Pick<RequestVault, 'now' | 'writeId' | 'vaultId' | 'principal' | 'journal'>;

/** A new version of a secret: the head that it replaces, if there is one, and the caller's remark. */
type NextVersion = {
  readonly name: string;
  readonly base: Head | undefined;
  readonly note?: string | undefined;
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

/** The deletion that is the next version of a secret. */
export const deleteNext = (vault: WritingVault, next: NextVersion): Deletion => ({
  ...factsOf(vault, next),
  state: 'deleted',
  note: next.note,
});

/**
 * What the next version says of itself. Its interval begins now, or 1 ms after its predecessor's beginning if
 * that is later. So a clock that goes back cannot reorder intervals, and they neither overlap nor leave gaps.
 */
const factsOf = (vault: WritingVault, { name, base }: NextVersion) => {
  const { now, writeId, vaultId, principal, journal } = vault;
  const version = (base?.version ?? 0) + 1;
  if (version > limits.versionMax) {
    throw new VaultError('too_large', 'the secret has as many versions as it can have', {
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
 * Opens the value of a stored version. The log says how the version was selected and why it was opened. Throws the
 * key faults of `DataKeys` and `integrity_failure`.
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
