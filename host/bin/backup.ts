/**
 * `npm run backup -- FILE` copies the data of a vault as of one moment into a file. Values stay
 * sealed.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openEmbedded } from '../backup/embedded.ts';
import { createBackup } from '../backup/file.ts';
import { createProgress } from '../backup/progress.ts';
import { describeBackup } from '../backup/sentences.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { newProgram, runProgram, say } from '../process/program.ts';
import { isNodeFolder } from '../vaults/connect.ts';
import { chooseDataFolder, folderOption } from '../vaults/find-vaults.ts';

const program = newProgram(
  'npm run backup --',
  'copies all data of the vault into one file, as of one moment, whether the vault runs or not',
  [
    'npm run -s backup -- vault.backup',
    'VAULT_DATA_DIR=/var/lib/vault npm run -s backup -- /mnt/backup/vault-2026-11-28 --json',
  ],
)
  .argument('<file>', 'is made, and read again; the values in it stay sealed')
  .option(...folderOption)
  .option('--json', 'print what the file holds as JSON');

program.action(async (file, { json, for: name }) => {
  const folder = await chooseDataFolder(process.env, name);
  const isNode = isNodeFolder(folder);
  const progress = createProgress();
  const counters = { written: progress.counter('wrote'), checked: progress.counter('checked') };
  const openSource = async () =>
    isNode ? (await import('../backup/nodes.ts')).openNode(folder) : openEmbedded(folder);
  const made = await createBackup(resolve(file), openSource, counters).finally(progress.end);
  if (json) return say(JSON.stringify({ file: resolve(file), folder, ...made }, undefined, 2));
  say(`${file} holds the data of ${folder}, complete and read again:`);
  for (const line of describeBackup(made)) say(`  ${line}`);
  const own = masterKeyFile(folder, process.env);
  const key = existsSync(own) ? `, ${own}` : '';
  say(
    `Its values open only with the master key${key}. Keep a copy of the key, apart from the backup.`,
  );
});

await runProgram(program);
