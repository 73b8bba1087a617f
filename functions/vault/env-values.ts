/** Seals and opens the values of a `.env` file, with their data keys and limits. */
import { tagBytes } from '../crypto/envelope.ts';
import type { Plan } from '../env/plan.ts';
import { requireAtMost, utf8Bytes } from '../env/sizes.ts';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { NewVersion } from '../model/types.ts';
import type { Heads, Versions } from './env-lookup.ts';
import { inParallel } from './parallel.ts';
import type { Change, DataKey } from './ports.ts';
import type { RequestVault, Selection } from './request.ts';
import { openVersion, sealNext } from './sealing.ts';

/** The data keys of the new values, by name, shared by all attempts of a request, of which each draws a new iv. */
export type FileKeys = Map<string, DataKey>;
/** Values by the text of their reference. */
type Values = ReadonlyMap<string, Uint8Array>;

/** How the request selected the version of a reference, given by its text. */
const selectionOf = (reference: string, unpinned: Selection): Selection =>
  reference.includes('@') ? 'number' : unpinned;

/** Reports to the journal that the caller has these versions already. */
export const compareAll = (
  { journal }: RequestVault,
  versions: Versions,
  unpinned: Selection,
): void => {
  for (const [reference, version] of versions) {
    journal.compared(version, selectionOf(reference, unpinned));
  }
};

export const zeroKeys = (keys: FileKeys): void => {
  for (const { plaintext } of keys.values()) plaintext.fill(0);
};

/**
 * Opens the versions, and makes the data keys of the new names that `keys` lacks, in one round of KMS calls.
 * Throws `too_large` before that if all values together are.
 */
export const openAll = async (
  vault: RequestVault,
  { create }: Plan,
  versions: Versions,
  unpinned: Selection,
  keys?: FileKeys,
): Promise<Values> => {
  requireValuesFit(create, versions);
  const { dataKeys, vaultId, principal } = vault;
  const values = new Map<string, Uint8Array>();
  const generating = create.map(({ name }) => async () => {
    if (!keys || keys.has(name)) return;
    keys.set(name, await dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name }));
  });
  const opening = [...versions].map(([reference, version]) => async () => {
    values.set(reference, await openVersion(vault, version, selectionOf(reference, unpinned)));
  });
  await inParallel([...generating, ...opening], limits.kmsConcurrencyMax, (call) => call());
  return values;
};

/**
 * Seals every new value. `bases` has the heads that they replace, also the deletions of new names that were deleted
 * before. Throws `too_large` if the new and the replaced versions are too large for one transaction.
 */
export const sealAll = (
  vault: RequestVault,
  { create }: Plan,
  keys: FileKeys,
  bases: Heads,
  note: string | undefined,
): Change[] => {
  let bytes = 0;
  const count = (version: NewVersion | undefined): void => {
    if (version?.state === 'stored') bytes += version.ciphertext.length;
  };
  const changes = create.map(({ name, value }) => {
    const key = keys.get(name);
    const base = bases.get(name);
    if (!key) throw new VaultError('internal', 'a new name has no data key');
    const next = sealNext(vault, key, { name, base, note }, Buffer.from(value));
    count(base);
    count(next);
    return { base, next };
  });
  requireAtMost(bytes, limits.fileSealedBytesMax);
  return changes;
};

/** The sealed sizes decide, before any value is opened. */
const requireValuesFit = (create: Plan['create'], versions: Versions): void => {
  let bytes = 0;
  for (const { value } of create) bytes += utf8Bytes(value);
  for (const { ciphertext } of versions.values()) bytes += ciphertext.length - tagBytes;
  requireAtMost(bytes, limits.fileValuesBytesMax);
};
