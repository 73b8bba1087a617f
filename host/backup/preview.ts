/**
 * `npm run restore -- --preview` says what a restore would undo in the current store, and writes
 * nothing.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { isNodeFolder } from '../vaults/connect.ts';
import { chooseDataFolder } from '../vaults/find-vaults.ts';
import { addToCopy, type Copy, findDifference, type Preview } from './difference.ts';
import { openEmbedded } from './embedded.ts';
import { readBackup } from './file.ts';
import type { Progress } from './progress.ts';
import { describeMoment } from './sentences.ts';
import { readTable } from './table.ts';

const emptyCopy = (): Copy => ({ vault: undefined, writes: new Map() });

/**
 * Compares a backup with the vault that `name` or the environment selects, whether it runs or not.
 */
export const previewFile = async (
  file: string,
  name: string | undefined,
  progress: Progress,
): Promise<Preview> => {
  const folder = await chooseDataFolder(process.env, name);
  const [copy, count] = [emptyCopy(), progress.counter('read')];
  // Reads the whole file first, so that a large store is not read in vain if the file is damaged.
  const backup = await readBackup(file, (items) => {
    count(items.length);
    addToCopy(copy, items);
  });
  const { facts, pages } = isNodeFolder(folder)
    ? await (await import('./nodes.ts')).openNode(folder)
    : await openEmbedded(folder);
  const compared = [
    `in use: ${folder}: ${describeMoment(facts).join('; ')}`,
    `backup: ${file}: ${describeMoment(backup.facts).join('; ')}`,
  ];
  return { compared, findings: await findDifference(pages, facts.vault, copy, Date.now()) };
};

/**
 * Compares the DynamoDB table in use with the table that was restored from a backup. Uses the
 * credentials and Region of the environment for both.
 */
export const previewTables = async (table: string, restored: string): Promise<Preview> => {
  const dynamodb = new DynamoDBClient({});
  const copy = emptyCopy();
  try {
    const read = (name: string) => readTable(createDynamodbTable(dynamodb, name), name);
    for await (const items of read(restored)) addToCopy(copy, items);
    const pages = read(table);
    const findings = await findDifference(pages, undefined, copy, Date.now());
    return { compared: [`in use: the table ${table}`, `backup: the table ${restored}`], findings };
  } finally {
    dynamodb.destroy();
  }
};
