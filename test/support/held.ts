/**
 * Reads everything in the vault of a data folder, in the state in which `npm start` finds it after
 * a crash.
 */
import { join } from 'node:path';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import type { Principal } from '../../functions/model/types.ts';
import { recordKey } from '../../functions/store/items.ts';
import { inParallel } from '../../functions/vault/parallel.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { storeFile } from '../../host/sqlite/database.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { connectToFolder } from '../../host/vaults/connect.ts';
import type { Violation } from '../../host/verify/find-violations.ts';
import { storeOver } from './embedded.ts';
import type { Held } from './promises.ts';
import { someone } from './requests.ts';
import { vaultOver } from './vault.ts';
import { violationsOf } from './violations.ts';

/** The caller for whom `issueToken` makes tokens. */
const principal: Principal = someone({ tenant: 'acme', subject: 'alice' });

const namesIn = async (ports: Ports): Promise<readonly string[]> => {
  const found: string[] = [];
  for (let after: string | undefined; ; ) {
    const { names, next } = await vaultOver(ports).names(principal, { after });
    found.push(...names);
    if (next === undefined) return found;
    after = next;
  }
};

const valuesOf = async (ports: Ports, name: string): Promise<readonly string[]> => {
  const values: string[] = [];
  for (let after: number | undefined; ; ) {
    const range = { order: 'asc', limit: 10, includeValues: true, after } as const;
    const { versions, next } = await vaultOver(ports).versions(principal, name, range);
    values.push(...versions.map(({ value = '' }) => Buffer.from(value).toString()));
    if (next === undefined) return values;
    after = next;
  }
};

/**
 * Opens the store as its server does, which also recovers it after a crash, and reads everything.
 */
export const readHeld = async (
  folder: string,
): Promise<Held & { readonly violations: readonly Violation[] }> => {
  const store = openSqliteStore(join(folder, storeFile), 'serve');
  const connection = await connectToFolder(folder);
  const { masterKey, vaultId } = connection;
  try {
    const dataKeys = createDataKeys(masterKey);
    const ports: Ports = { vaultId, store: storeOver(store.itemsOf, vaultId), dataKeys };
    const names = await namesIn(ports);
    const all = await inParallel(names, 16, (name) => valuesOf(ports, name));
    const records = new Set<string>();
    for await (const page of store.pages()) {
      for (const { pk, sk } of page) records.add(`${pk?.S} ${sk?.S}`);
    }
    const violations = await violationsOf(connection);
    return {
      values: new Map(names.map((name, index) => [name, all[index] ?? []])),
      hasRecord: (key) => {
        const { pk, sk } = recordKey(principal, fingerprint(key, principal, []).keyHash);
        return records.has(`${pk} ${sk}`);
      },
      violations,
    };
  } finally {
    await connection.close();
    await store.close();
  }
};
