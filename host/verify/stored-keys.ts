/** Picks stored values with which a master key can be proved (kms/key-proof.ts). */
import { keyIdOf } from '../../functions/model/types.ts';
import type { Item } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { type StoredKeys, samplesMax, type WrappedKey } from '../kms/key-proof.ts';
import { readRow } from './read-row.ts';

/** Collects the first stored values of a vault that name this key. Unreadable items are skipped. */
export const createSample = (vaultId: string, masterKeyId: string) => {
  const own: WrappedKey[] = [];
  let otherKeyId: string | undefined;
  const add = (item: Item): void => {
    const row = readRow(item, vaultId);
    if (row.kind !== 'head' && row.kind !== 'version') return;
    const { stored } = row;
    if (stored.state !== 'stored') return;
    if (stored.masterKeyId !== masterKeyId) {
      otherKeyId = keyIdOf(stored.masterKeyId);
      return;
    }
    const { tenant, name, wrappedDataKey } = stored;
    const context = new Map(Object.entries({ vault: vaultId, tenant, name }));
    own.push({ wrapped: wrappedDataKey, context });
  };
  return {
    /**
     * Adds suitable values of these items to the sample. Returns whether the sample is now
     * complete.
     */
    add: (items: readonly Item[]): boolean => {
      for (const item of items) if (own.length < samplesMax) add(item);
      return own.length === samplesMax;
    },
    taken: (): StoredKeys => ({ own, otherKeyId: own.length > 0 ? undefined : otherKeyId }),
  };
};

/**
 * Reads a table page by page until it has a sample of stored values that can prove this master key.
 * The sample is empty if the table does not exist yet.
 */
export const readStoredKeys = async (
  { table, vaultId }: { readonly table: Pick<Table, 'pages'>; readonly vaultId: string },
  masterKeyId: string,
): Promise<StoredKeys> => {
  const sample = createSample(vaultId, masterKeyId);
  try {
    for await (const page of table.pages()) if (sample.add(page)) break;
  } catch (error) {
    const isMissing = error instanceof Error && error.name === 'ResourceNotFoundException';
    if (!isMissing) throw error;
  }
  return sample.taken();
};
