/** Seals values as versions, and opens them. Each version has its own data key, which is in memory for one request. */
import { open, seal } from '../crypto/envelope.ts';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { SealedVersion, StoredVersion } from '../model/types.ts';
import type { DataKey } from './ports.ts';
import type { RequestVault } from './request.ts';

/** The parts of a request that become parts of the versions it seals. */
type Sealer = Pick<RequestVault, 'now' | 'writeId' | 'principal' | 'journal'>;

/** Seals the first version of a secret. */
export const sealFirst = (
  vault: Sealer,
  dataKey: DataKey,
  name: string,
  value: Uint8Array,
): SealedVersion => sealVersion(vault, dataKey, { name, version: 1, validFrom: vault.now }, value);

/**
 * Seals the successor of `base`. Its interval begins now, or 1 ms after its predecessor's beginning if that is later.
 * So a clock that goes back cannot reorder intervals, and they neither overlap nor leave gaps.
 */
export const sealNext = (
  vault: Sealer,
  dataKey: DataKey,
  base: StoredVersion,
  value: Uint8Array,
): SealedVersion => {
  const { name } = base;
  const version = base.version + 1;
  if (version > limits.versionMax) {
    throw new VaultError('too_large', 'the secret has as many versions as it can have', {
      members: { limit: limits.versionMax },
    });
  }
  if (base.validFrom > vault.now + times.clockSkewAlarmMs) {
    vault.journal.decided('clock_skew', { name, version: base.version });
  }
  const validFrom = Math.max(vault.now, base.validFrom + 1);
  return sealVersion(vault, dataKey, { name, version, validFrom }, value);
};

const sealVersion = (
  { writeId, principal: { tenant, subject } }: Sealer,
  { plaintext, wrapped, masterKeyId }: DataKey,
  place: { readonly name: string; readonly version: number; readonly validFrom: number },
  value: Uint8Array,
): SealedVersion => {
  const identity = { tenant, ...place, createdBy: subject, writeId, masterKeyId };
  return { ...identity, ...seal(value, plaintext, identity), wrappedDataKey: wrapped };
};

/** The value of a stored version. Throws the key faults of `DataKeys` and `integrity_failure`. */
export const openVersion = async (
  { vaultId, dataKeys, journal }: Pick<RequestVault, 'vaultId' | 'dataKeys' | 'journal'>,
  version: StoredVersion,
): Promise<Uint8Array> => {
  const { tenant, name } = version;
  const bound = { vault: vaultId, tenant, name };
  const key = await dataKeys.unwrap(bound, version.wrappedDataKey);
  try {
    return open(version, key, version);
  } catch (error) {
    journal.decided('integrity_failure', { name, version: version.version });
    throw error;
  } finally {
    key.fill(0);
  }
};
