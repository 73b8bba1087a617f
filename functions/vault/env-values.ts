/** Seals and opens the values of a `.env` file, with their data keys and limits. */
import { tagBytes } from '../crypto/envelope.ts';
import type { Plan } from '../env/plan.ts';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Heads, Versions } from './env-lookup.ts';
import { inParallel } from './parallel.ts';
import type { Change, DataKey } from './ports.ts';
import type { RequestVault } from './request.ts';
import { openVersion, sealNext } from './sealing.ts';

/** The data keys of the new names, shared by all attempts of a request, of which each draws a new iv. */
export type FileKeys = Map<string, DataKey>;
/** Values by the text of their reference. */
type Values = ReadonlyMap<string, Uint8Array>;

export const zeroKeys = (keys: FileKeys): void => {
  for (const { plaintext } of keys.values()) plaintext.fill(0);
};

/**
 * Seals every new value and opens every value read, in one round of KMS calls. `bases` has the deletions of new names
 * that were deleted before.
 */
export const sealAndOpenAll = async (
  vault: RequestVault,
  plan: Plan,
  keys: FileKeys,
  versions: Versions,
  bases: Heads,
  note: string | undefined,
): Promise<{ readonly changes: readonly Change[]; readonly values: Values }> => {
  const { tenant } = vault.principal;
  requireValuesFit(plan, versions);
  const values = new Map<string, Uint8Array>();
  const generating = plan.create.map(({ name }) => async () => {
    if (keys.has(name)) return;
    keys.set(name, await vault.dataKeys.generate({ vault: vault.vaultId, tenant, name }));
  });
  const opening = [...versions].map(([reference, version]) => async () => {
    values.set(reference, await openVersion(vault, version));
  });
  await inParallel([...generating, ...opening], limits.kmsConcurrencyMax, (work) => work());
  const changes = plan.create.flatMap(({ name, value }): Change[] => {
    const key = keys.get(name);
    const base = bases.get(name);
    return key
      ? [{ base, next: sealNext(vault, key, { name, base, note }, encoder.encode(value)) }]
      : [];
  });
  return { changes, values };
};

/** Opens versions for a replay, which has nothing to seal. */
export const openAll = async (
  vault: RequestVault,
  plan: Plan,
  versions: Versions,
): Promise<Values> => {
  requireValuesFit(plan, versions);
  const values = await inParallel([...versions], limits.kmsConcurrencyMax, async (entry) => {
    const [reference, version] = entry;
    return [reference, await openVersion(vault, version)] as const;
  });
  return new Map(values);
};

/** Checks the total size of all values of a request by their sealed sizes, before any is opened. */
const requireValuesFit = ({ create }: Plan, versions: Versions): void => {
  let bytes = 0;
  for (const { value } of create) bytes += encoder.encode(value).length;
  for (const { ciphertext } of versions.values()) bytes += ciphertext.length - tagBytes;
  if (bytes > limits.fileValuesBytesMax) {
    throw new VaultError('too_large', 'the values of the file are too large together', {
      properties: { limit: limits.fileValuesBytesMax },
    });
  }
};

const encoder = new TextEncoder();
