/**
 * `npm run restore -- --redo-destroys LOG…` is used after a restore, and destroys again what the
 * logs say was destroyed.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { createStore } from '../../functions/store/store.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { linesOfFile, linesOfStdin } from '../../system/log-files.ts';
import { asTypedHere } from '../process/commands.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { say } from '../process/program.ts';
import { type Connection, connectToFolder } from '../vaults/connect.ts';
import {
  type Destruction,
  type Destructions,
  type RedoResult,
  readDestructions,
  redoDestructions,
} from './destroys.ts';

/** The table of a vault on AWS, accessed with the credentials and Region of the environment. */
export type TableOnAws = { readonly table: string; readonly vault: string };

type OpenStore = Pick<Connection, 'table' | 'vaultId' | 'tableName' | 'close'>;

const open = async (on: TableOnAws | undefined): Promise<OpenStore> => {
  if (on === undefined) return await connectToFolder(dataFolderOf(process.env), 'write');
  const table = createDynamodbTable(new DynamoDBClient({}), on.table);
  return { table, vaultId: on.vault, tableName: on.table, close: table.close };
};

const counted = (count: number, what: string): string =>
  `${count} ${count === 1 ? 'version' : 'versions'} ${what}`;

const nameOf = ({ tenant, name, version }: Destruction): string =>
  `tenant ${tenant}, ${name} version ${version}`;

const report = ({ unclear, unreadable }: Destructions, redone: RedoResult): void => {
  for (const one of redone.destroyed) say(`destroyed again: ${nameOf(one)}`);
  say(counted(redone.destroyed.length, 'destroyed again'));
  say(counted(redone.already.length, 'destroyed already'));
  say(counted(redone.absent.length, 'not in the backup'));
  for (const one of redone.current) {
    say(`NOT destroyed, because it is the current version: ${nameOf(one)}`);
  }
  for (const one of redone.damaged) {
    say(`NOT destroyed, because its items are damaged or of another vault: ${nameOf(one)}`);
  }
  for (const one of unclear) say(`NOT destroyed, because the log does not say enough: ${one}`);
  if (unreadable > 0) say(`lines of requests that cannot be read: ${unreadable}`);
};

/**
 * Reads the logs (`-` is stdin), destroys again what they show, and says what it did. The exit code
 * is 1 if anything remains to be done. Throws a user-facing error if a log cannot be read, before
 * it destroys anything, or if the store cannot be used.
 */
export const redoFromLogs = async (
  files: readonly string[],
  on: TableOnAws | undefined,
): Promise<void> => {
  const logs = files.map((file) => (file === '-' ? linesOfStdin() : linesOfFile(file)));
  const destructions = await readDestructions(logs);
  const { table, vaultId, tableName, close } = await open(on);
  try {
    const ports = { vaultId, store: createStore(table.itemsOf, vaultId) };
    const redone = await redoDestructions(ports, destructions.known);
    report(destructions, redone);
    if (redone.current.length > 0) {
      const again = asTypedHere('npm run restore -- --redo-destroys');
      say(`Update or delete these secrets, and then run ${again} again.`);
    }
    const left = [redone.current, redone.damaged, destructions.unclear].flat().length;
    if (left + destructions.unreadable > 0) process.exitCode = 1;
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(
      `the table ${tableName} cannot be used: ${sentenceOf(error)}; run npm run restore -- --redo-destroys again`,
      {
        cause: error,
      },
    );
  } finally {
    await close();
  }
};
