/**
 * `npm run restore -- FILE`: gives the data of a backup to an empty data folder, or to a new cluster through one of its
 * nodes. `--redo-destroys` destroys again what was destroyed after the backup.
 */
import { resolve } from 'node:path';
import { usage } from '../../system/failures.ts';
import { restoreEmbedded } from '../backup/embedded.ts';
import { restoreNodes } from '../backup/nodes.ts';
import { createProgress } from '../backup/progress.ts';
import { redoFromLogs } from '../backup/redo.ts';
import { describeBackup } from '../backup/sentences.ts';
import { dataFolderOf, folderSetting } from '../process/data-folder.ts';
import { newProgram, runProgram, say } from '../process/program.ts';
import { isNodeFolder } from '../vaults/connect.ts';

const program = newProgram('npm run restore --', 'gives an empty vault the data of a backup', [
  'npm run -s restore -- vault.backup',
  'npm run -s restore -- --redo-destroys log.1 log',
])
  .argument(
    '<files...>',
    'one backup, for a data folder that has its master key and no data, or for a new cluster by its node; with ' +
      '--redo-destroys the logs, where - is stdin',
  )
  .option('--redo-destroys', 'after it: destroy again what the logs say')
  .option('--table <name>', 'with --redo-destroys: a table on AWS, and not the data folder')
  .option('--vault <id>', 'with --table: the id of the vault');

const restore = async (file: string): Promise<void> => {
  const folder = dataFolderOf(process.env);
  const progress = createProgress();
  const restoreInto = isNodeFolder(folder) ? restoreNodes : restoreEmbedded;
  const held = await restoreInto(folder, resolve(file), progress).finally(progress.end);
  const setting = folderSetting(process.env, folder);
  say(`${folder} holds what the backup holds:`);
  for (const line of describeBackup(held)) say(`  ${line}`);
  say(`Now verify them: ${setting}npm run -s inspect -- --verify`);
};

const redo = async (
  logs: readonly string[],
  table: string | undefined,
  vault: string | undefined,
): Promise<void> => {
  if ((table === undefined) !== (vault === undefined))
    throw usage('--table and --vault go together');
  await redoFromLogs(logs, table && vault ? { table, vault } : undefined);
};

program.action(async ([file = '', ...others], { redoDestroys, table, vault }) => {
  if (redoDestroys) return await redo([file, ...others], table, vault);
  if (table ?? vault) throw usage('--table and --vault go with --redo-destroys');
  if (others.length > 0) throw usage('a vault is restored from one file');
  await restore(file);
});

await runProgram(program);
