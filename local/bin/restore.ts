/**
 * `npm run restore -- FILE`: makes the store of an empty data folder from a backup. On a node of a cluster,
 * `--backup FILE` gives the node, which must not run, the data of a snapshot of etcd.
 */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { failure } from '../../system/failures.ts';
import { restoreEmbedded } from '../backup/embedded.ts';
import type { Backup } from '../backup/file.ts';
import { restoreNodes } from '../backup/nodes.ts';
import { createProgress, type Progress } from '../backup/progress.ts';
import { describeBackup } from '../backup/sentences.ts';
import { isNodeFolder } from '../host/connect.ts';
import {
  dataFolderOf,
  folderSetting,
  lockDataFolder,
  openDataFolder,
  root,
} from '../host/data-folder.ts';
import { runProgram, unknownWords } from '../host/program.ts';
import { readTemplate } from '../host/template.ts';
import { readNodeConfig } from '../node/config.ts';
import { restoreNode } from '../node/restoring.ts';

const usage = (sentence: string): Error => failure(sentence, { exitCode: 2 });

const commandLine = {
  name: 'npm run restore',
  does: 'gives an empty vault the data of a backup',
  forms: [
    ['FILE', 'makes the store of a data folder that has its master key and no data'],
    ['--redo-destroys LOG…', 'after it: destroys again what the logs say; - is stdin'],
    ['--backup SNAPSHOT', 'on the first node: makes the id of this restore, and prints it'],
    ['--backup SNAPSHOT --id ID', 'on each other node, with that id'],
  ],
  options: {
    'redo-destroys': { does: 'destroy again what was destroyed after the backup' },
    table: { value: 'NAME', does: 'with --redo-destroys: a table on AWS, and not the data folder' },
    vault: { value: 'ID', does: 'with --table: the id of the vault' },
    backup: { value: 'SNAPSHOT', does: 'a file that etcdctl snapshot save has made' },
    id: { value: 'ID', does: 'the id that the first node printed' },
  },
  takesWords: true,
  examples: [
    'npm run -s restore -- vault.backup',
    'npm run -s restore -- --redo-destroys log.1 log',
    'npm run -s restore -- --backup vault.db --id 5f0c9a7be1d24c36',
  ],
} as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const readId = (text: string): string => {
  if (/^[0-9a-f]{16}$/.test(text)) return text;
  throw usage('--id is 16 hexadecimal digits, as the first node printed them');
};

const restoreSnapshot = async (backup: string, given: string | undefined): Promise<void> => {
  const id = given === undefined ? randomBytes(8).toString('hex') : readId(given);
  const config = readNodeConfig(process.env);
  const folder = dataFolderOf(process.env);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  await restoreNode({ config, folder, backup: resolve(backup), id });
  lock.release();
  say(`node ${config.node} has the data of the backup; the others take --id ${id}`);
};

const restoreInto = async (folder: string, file: string, progress: Progress): Promise<Backup> => {
  const { table } = await readTemplate(join(root, 'template.yaml'));
  return await restoreEmbedded({ root, folder }, file, table, progress);
};

const restore = async (file: string): Promise<void> => {
  const folder = dataFolderOf(process.env);
  const progress = createProgress();
  const restored = isNodeFolder(folder)
    ? restoreNodes(folder, resolve(file), progress)
    : restoreInto(folder, resolve(file), progress);
  const held = await restored.finally(progress.end);
  const setting = folderSetting(process.env, folder);
  say(`${folder} has the data of the backup, compared with it:`);
  for (const line of describeBackup(held)) say(`  ${line}`);
  say(`Now verify them: ${setting}npm run -s inspect -- --verify`);
};

/** The program of the logs is loaded only when needed, because a container has no cli/. */
const redo = async (
  logs: readonly string[],
  table: string | undefined,
  vault: string | undefined,
): Promise<void> => {
  if (logs.length === 0) throw usage('--redo-destroys needs the files of the logs; - is stdin');
  if ((table === undefined) !== (vault === undefined))
    throw usage('--table and --vault go together');
  const { redoFromLogs } = await import('../backup/redo.ts');
  await redoFromLogs(logs, table && vault ? { table, vault } : undefined);
};

await runProgram(commandLine, async ({ words, options }) => {
  const { backup, id, table, vault } = options;
  if (options['redo-destroys']) return await redo(words, table, vault);
  if (backup !== undefined && words.length === 0) return await restoreSnapshot(backup, id);
  const [file, ...others] = words;
  if (file === undefined || others.length > 0 || backup !== undefined || id !== undefined) {
    throw unknownWords(others);
  }
  await restore(file);
});
