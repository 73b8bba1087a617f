/**
 * `npm run restore -- FILE` restores the data of a backup into an empty data folder, or into a new
 * cluster through one of its nodes. `--preview` says beforehand what that would undo, and
 * `--redo-destroys` destroys again what was destroyed after the backup.
 */
import { resolve } from 'node:path';
import { isFailure, usage } from '../../system/failures.ts';
import { linesOfPreview } from '../backup/difference.ts';
import { restoreEmbedded } from '../backup/embedded.ts';
import { previewFile, previewTables } from '../backup/preview.ts';
import { createProgress } from '../backup/progress.ts';
import { redoFromLogs } from '../backup/redo.ts';
import { describeBackup } from '../backup/sentences.ts';
import { asTypedHere, folderSetting } from '../process/commands.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { newProgram, runProgram, say } from '../process/program.ts';
import { isNodeFolder } from '../vaults/connect.ts';
import { folderOption } from '../vaults/find-vaults.ts';

const program = newProgram(
  'npm run restore --',
  'restores the data of a backup into an empty vault',
  [
    'npm run -s restore -- --preview vault.backup',
    'npm run -s restore -- vault.backup',
    'npm run -s restore -- --redo-destroys log.1 log',
  ],
)
  .argument(
    '[files...]',
    'one backup, for a data folder that has its master key and no data, or for a new cluster by its node; with ' +
      '--redo-destroys the logs, where - is stdin',
  )
  .option(
    '--preview',
    'before it: say what it would undo in the vault, and write nothing; the exit code is 0 if nothing is lost, 1 if ' +
      'something is, 2 if the two cannot be compared',
  )
  .option('--redo-destroys', 'after it: destroy again what the logs say')
  .option(
    '--table <name>',
    'with --redo-destroys: a table on AWS, and not the data folder; with --preview twice, and no file: the table in ' +
      'use, then the restored one',
    (name: string, before: readonly string[] = []) => [...before, name],
  )
  .option('--vault <id>', 'with --redo-destroys and --table: the id of the vault')
  .option(folderOption[0], `with --preview: ${folderOption[1]}`);

const restore = async (file: string): Promise<void> => {
  const folder = dataFolderOf(process.env);
  const progress = createProgress();
  const restoreInto = isNodeFolder(folder)
    ? (await import('../backup/nodes.ts')).restoreNodes
    : restoreEmbedded;
  const held = await restoreInto(folder, resolve(file), progress).finally(progress.end);
  const setting = folderSetting(process.env, folder);
  say(`${folder} holds what the backup holds:`);
  for (const line of describeBackup(held)) say(`  ${line}`);
  say(`Now verify them: ${setting}${asTypedHere('npm run -s inspect -- --verify')}`);
};

const redo = async (
  logs: readonly string[],
  [table, ...others]: readonly string[],
  vault: string | undefined,
): Promise<void> => {
  if (others.length > 0 || (table === undefined) !== (vault === undefined))
    throw usage('--table and --vault go together');
  await redoFromLogs(logs, table && vault ? { table, vault } : undefined);
};

const preview = async (
  files: readonly string[],
  tables: readonly string[],
  name: string | undefined,
): Promise<void> => {
  const [[file = ''], [table = '', restored = '']] = [files, tables];
  const isOfFile = files.length === 1 && tables.length === 0;
  if (!isOfFile && !(files.length === 0 && tables.length === 2)) {
    throw usage(
      '--preview takes one backup, or --table twice: the one in use, then the restored one',
    );
  }
  const progress = createProgress();
  const opened = isOfFile
    ? previewFile(resolve(file), name, progress)
    : previewTables(table, restored);
  // A failed preview counts as a usage error, which does not have the exit code 1. That code means
  // that the two sides were compared and something would be lost.
  const found = await opened.finally(progress.end).catch((error: unknown) => {
    throw isFailure(error) ? usage(error.message, error) : error;
  });
  for (const line of linesOfPreview(found)) say(line);
  if (found.findings.length > 0) process.exitCode = 1;
};

program.action(
  async (files, { redoDestroys, preview: isPreview, table = [], vault, for: name }) => {
    if (isPreview && (redoDestroys || vault))
      throw usage('--preview goes with neither --redo-destroys nor --vault');
    if (isPreview) return await preview(files, table, name);
    if (name) throw usage('--for goes with --preview');
    if (files.length === 0)
      throw usage("missing required argument 'files'; --help shows how it is used");
    if (redoDestroys) return await redo(files, table, vault);
    if (table.length > 0 || vault) throw usage('--table and --vault go with --redo-destroys');
    const [file = '', ...others] = files;
    if (others.length > 0) throw usage('a vault is restored from one file');
    await restore(file);
  },
);

await runProgram(program);
