/**
 * Backs up the data of vault nodes from any of them, and restores it into a new cluster through any
 * node. Import it only for nodes, because loading gRPC takes a third of the time in which a program
 * starts.
 */

import { formatInstant, keyIdOf } from '../../functions/model/types.ts';
import type { Item } from '../../functions/store/items.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { openSnapshot, type Snapshot } from '../etcd/snapshot.ts';
import { tableName } from '../etcd/stored-items.ts';
import { readClusterFile } from '../node/cluster-file.ts';
import { startCopiedMember } from '../node/lone-etcd.ts';
import { memberAddress } from '../node/member.ts';
import { findClusterOf } from '../node/node-record.ts';
import { lockDataFolder } from '../process/data-folder.ts';
import { runningRecord } from '../process/vault-records.ts';
import { clusterFileOf, connectToNode } from '../vaults/connect.ts';
import { requireSound } from '../vaults/node-table.ts';
import { type Backup, readBackup } from './file.ts';
import { lineOf, type Source } from './format.ts';
import { type BackupSample, sampleBackup } from './key-fits.ts';
import type { Progress } from './progress.ts';
import { putItems } from './table.ts';

type OpenSnapshot = { readonly snapshot: Snapshot; readonly close: () => Promise<void> };

const openRunning = async (folder: string): Promise<OpenSnapshot> => {
  const snapshot = await openSnapshot(memberAddress(folder));
  return { snapshot, close: snapshot.close };
};

const openStopped = async (folder: string): Promise<OpenSnapshot> => {
  const lock = lockDataFolder(folder);
  const member = await startCopiedMember(folder);
  const close = async (): Promise<void> => {
    await member.close();
    lock.release();
  };
  try {
    const snapshot = await openSnapshot(member.address);
    return {
      snapshot,
      close: async () => {
        await snapshot.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
};

async function* pagesOf({ snapshot, close }: OpenSnapshot): AsyncGenerator<readonly Item[]> {
  try {
    yield* snapshot.pages();
  } finally {
    await close();
  }
}

/**
 * Opens all items of the node in `folder`. If the node runs, they are as of one moment and include
 * every write that any node acknowledged before; this needs a majority of the nodes. If the node is
 * stopped, they are what it has itself. Throws a user-facing error if the node runs and its data
 * must not be used, or if there is no majority.
 */
export const openNode = async (folder: string): Promise<Source> => {
  const { vaultId: vault } = readClusterFile(clusterFileOf(folder));
  const cluster = findClusterOf(folder);
  const running = runningRecord.find(folder);
  const isRunning = running !== undefined;
  if (isRunning) await requireSound(folder);
  const takenAt = formatInstant(Date.now());
  const opened = await (isRunning ? openRunning(folder) : openStopped(folder)).catch(
    (error: unknown) => {
      if (!isRunning || !isFailure(error)) throw error;
      throw failure(
        `${sentenceOf(error)}: if other nodes are away, start them. If they are lost, stop this node and run this ` +
          'again, and it copies what this node holds',
        { cause: error },
      );
    },
  );
  const { revision } = opened.snapshot;
  return {
    facts: {
      ...{ vault, table: tableName, takenAt, store: 'etcd', revision },
      ...(cluster !== undefined && { cluster }),
      ...(!isRunning && { alone: true as const }),
    },
    pages: pagesOf(opened),
  };
};

async function* itemsOf(pages: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const page of pages) yield* page;
}

/** Whether the item has expired, so that the nodes may have deleted it. */
const hasExpired = ({ expiresAt }: Item): boolean => Number(expiresAt?.N) * 1_000 < Date.now();

/**
 * Compares the items of the cluster with those of the backup, both in key order. Returns how many
 * items of the backup are missing in the cluster, without those that have expired. Throws a
 * user-facing error if the file is incomplete or the cluster has a different item.
 */
export const compareItems = async (
  pages: AsyncIterable<readonly Item[]>,
  file: string,
  count: (items: number) => void,
  take: BackupSample['take'] = () => undefined,
): Promise<{ readonly missing: number; readonly backup: Backup }> => {
  const held = itemsOf(pages);
  let missing = 0;
  let next = await held.next();
  const backup = await readBackup(file, async (items, facts) => {
    take(items, facts);
    count(items.length);
    for (const item of items) {
      if (!next.done && lineOf(next.value) === lineOf(item)) next = await held.next();
      else if (!hasExpired(item)) missing += 1;
    }
  });
  if (next.done) return { missing, backup };
  await held.return(undefined);
  const { pk, sk } = next.value;
  throw failure(
    `the cluster holds an item that the backup does not hold (${pk?.S} ${sk?.S}): restore into a new cluster, and keep ` +
      'callers away from it until it is done',
  );
};

const compare = async (
  folder: string,
  file: string,
  count: (items: number) => void,
  take?: BackupSample['take'],
) => await compareItems(pagesOf(await openRunning(folder)), file, count, take);

/**
 * Throws a user-facing error unless the nodes have the backup's vault id and, if it contains
 * values, one of the master keys that these need. Also throws if the backup was made in this
 * cluster, because an old copy of a node's data would then pass for the restored data.
 */
export const requireFit = (
  { facts, manifest }: Backup,
  nodes: {
    readonly cluster: string | undefined;
    readonly vaultId: string;
    readonly masterKeyId: string;
  },
): void => {
  if (facts.cluster !== undefined && facts.cluster === nodes.cluster) {
    throw failure(
      'the backup was made in this cluster, and an old copy of a node would match the restored data: put cluster.json of ' +
        'the master key and the folders of all nodes aside, and restore into a new cluster',
    );
  }
  if (facts.vault !== nodes.vaultId) {
    throw failure(
      `the backup is of the vault ${facts.vault}, and the nodes are of the vault ${nodes.vaultId}: start them with ` +
        'the folder of the master key of the backup',
    );
  }
  const { masterKeyIds } = manifest;
  if (masterKeyIds.length > 0 && !masterKeyIds.includes(nodes.masterKeyId)) {
    throw failure(
      `the nodes have the master key ${keyIdOf(nodes.masterKeyId)}, and the values of the backup need ` +
        `${masterKeyIds.map(keyIdOf).join(' and ')}: start them with the folder of that key`,
    );
  }
};

/**
 * Writes the data of a backup into an empty cluster, through the node that runs in `folder`. An
 * interrupted call can be repeated. When it returns, the cluster contains exactly what the backup
 * contains. Throws a user-facing error if the cluster has no majority or contains anything else, or
 * if the backup belongs to another vault or master key.
 */
export const restoreNodes = async (
  folder: string,
  file: string,
  { counter }: Progress,
): Promise<Backup> => {
  const connection = await connectToNode(folder);
  try {
    const { vaultId, masterKeyId, keyFile } = connection;
    const sample = sampleBackup(masterKeyId);
    const { missing, backup } = await compare(folder, file, counter('checked'), sample.take);
    const { manifest } = backup;
    requireFit(backup, { cluster: findClusterOf(folder), vaultId, masterKeyId });
    if (keyFile) sample.prove(keyFile.key, keyFile.file);
    const wrote = counter('wrote', manifest.items);
    if (missing > 0) {
      await readBackup(file, async (items) => {
        await putItems(connection.table.write, items);
        wrote(items.length);
      });
    }
    const after = await compare(folder, file, counter('compared', manifest.items));
    if (after.missing === 0) return backup;
    throw failure('the cluster does not hold what was written to it: run this again');
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the cluster cannot be written: ${sentenceOf(error)}; run this again`, {
      cause: error,
    });
  } finally {
    await connection.close();
  }
};
