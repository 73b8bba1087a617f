/**
 * Seals and opens the values of a `.env` file. Checks that they fit in a reply and in a
 * transaction.
 */
import { tagBytes } from '../crypto/envelope.ts';
import { type Plan, valuesOf } from '../env/plan.ts';
import { requireAtMost, utf8Bytes } from '../env/sizes.ts';
import { limits } from '../model/limits.ts';
import type { NewVersion } from '../model/types.ts';
import type { Heads, Versions } from './env-lookup.ts';
import { inParallel } from './parallel.ts';
import type { Change } from './ports.ts';
import type { RequestVault, Selection } from './request.ts';
import { type KeyOf, openVersion, sealNext } from './sealing.ts';

/** The opened values, by the text of the reference that names each. */
type Values = ReadonlyMap<string, Uint8Array>;

/**
 * How a reference selects its version, for the log: by number if it is pinned, otherwise as
 * `unpinned` says.
 */
const selectionOf = (reference: string, unpinned: Selection): Selection =>
  reference.includes('@') ? 'number' : unpinned;

/** Tells the journal that the caller already has these versions. */
export const compareAll = (
  { journal }: RequestVault,
  versions: Versions,
  unpinned: Selection,
): void => {
  for (const [reference, version] of versions) {
    journal.compared(version, selectionOf(reference, unpinned));
  }
};

/**
 * Opens the versions and, with `keyOf`, gets the data keys for the new names. The KMS calls for
 * both run side by side. Throws `too_large` before the first of them if the values are too large in
 * total.
 */
export const openAll = async (
  vault: RequestVault,
  { create }: Plan,
  versions: Versions,
  unpinned: Selection,
  keyOf?: KeyOf,
): Promise<Values> => {
  requireValuesFit(create, versions);
  const values = new Map<string, Uint8Array>();
  const generating = create.map(
    ({ name }) =>
      async () =>
        void (await keyOf?.(name)),
  );
  const opening = [...versions].map(([reference, version]) => async () => {
    values.set(reference, await openVersion(vault, version, selectionOf(reference, unpinned)));
  });
  await inParallel([...generating, ...opening], limits.kmsConcurrencyMax, (call) => call());
  return values;
};

/**
 * Seals every new value. `bases` has the heads to be replaced, including the deletions of names
 * that existed before. Throws `too_large` if the new and the replaced versions do not fit in one
 * transaction.
 */
export const sealAll = async (
  vault: RequestVault,
  { create }: Plan,
  keyOf: KeyOf,
  bases: Heads,
  note: string | undefined,
): Promise<Change[]> => {
  let bytes = 0;
  const count = (version: NewVersion | undefined): void => {
    if (version?.state === 'stored') bytes += version.ciphertext.length;
  };
  const changes: Change[] = [];
  for (const { name, value } of create) {
    const base = bases.get(name);
    const next = sealNext(vault, await keyOf(name), { name, base, note }, Buffer.from(value));
    count(base);
    count(next);
    changes.push({ base, next });
  }
  requireAtMost(
    bytes,
    limits.fileSealedBytesMax,
    (size) => `the file stores and replaces versions of ${size} bytes in total`,
  );
  return changes;
};

/**
 * Throws `too_large` if the new values and the values of the versions are too large in total. Takes
 * the sizes from the ciphertexts, so nothing is opened in vain.
 */
const requireValuesFit = (create: Plan['create'], versions: Versions): void => {
  let bytes = 0;
  for (const { value } of create) bytes += utf8Bytes(value);
  for (const { ciphertext } of versions.values()) bytes += ciphertext.length - tagBytes;
  requireAtMost(bytes, limits.fileValuesBytesMax, valuesOf);
};
