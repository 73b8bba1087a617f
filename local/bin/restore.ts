/** `npm run -s node -- local/bin/restore.ts --backup FILE`: gives the data of a backup to a vault node that does not run. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { failure } from '../../system/failures.ts';
import { dataFolderOf, lockDataFolder, openDataFolder } from '../host/data-folder.ts';
import { runProgram } from '../host/program.ts';
import { readNodeConfig } from '../node/config.ts';
import { restoreNode } from '../node/restoring.ts';

const usage = (sentence: string): Error => failure(sentence, { exitCode: 2 });

const commandLine = {
  name: 'npm run node -- local/bin/restore.ts',
  does: 'gives a vault node that does not run the data of a backup',
  forms: [
    ['--backup FILE', 'on the first node: makes the id of this restore, and prints it'],
    ['--backup FILE --id ID', 'on each other node, with that id'],
  ],
  options: {
    backup: { value: 'FILE', does: 'a file that etcdctl snapshot save has made' },
    id: { value: 'ID', does: 'the id that the first node printed' },
  },
  examples: [
    'npm run -s node -- local/bin/restore.ts --backup vault.db',
    'npm run -s node -- local/bin/restore.ts --backup vault.db --id 5f0c9a7be1d24c36',
  ],
} as const;

const readId = (text: string): string => {
  if (/^[0-9a-f]{16}$/.test(text)) return text;
  throw usage('--id is 16 hexadecimal digits, as the first node printed them');
};

await runProgram(commandLine, async ({ options: { backup, id: given } }) => {
  if (backup === undefined) throw usage('--backup is needed: the file of the backup');
  const id = given === undefined ? randomBytes(8).toString('hex') : readId(given);
  const config = readNodeConfig(process.env);
  const folder = dataFolderOf(process.env);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  await restoreNode({ config, folder, backup: resolve(backup), id });
  lock.release();
  process.stdout.write(
    `node ${config.node} has the data of the backup; the others take --id ${id}\n`,
  );
});
