/** `npm run sam`: the vault on http://127.0.0.1:3000 by `sam local start-api`, over the stack of `npm run stack`. */
import { join } from 'node:path';
import { findFreePort } from './child.ts';
import { runCommand } from './command.ts';
import { findStack } from './container/running-stack.ts';
import { startSam } from './container/sam.ts';
import { readLocalstackPort, say, stackFolderOf } from './container/settings.ts';
import { startStack } from './container/stack.ts';
import { dataFolderOf, openDataFolder } from './data-folder.ts';
import { readPort, untilSignal } from './serving.ts';
import { readTemplate } from './template.ts';
import { openTokenKey } from './token-key.ts';

const root = join(import.meta.dirname, '..');

await runCommand(async () => {
  const port = readPort(3000) || (await findFreePort());
  const localstackPort = readLocalstackPort();
  const dataFolder = dataFolderOf(process.env);
  openDataFolder(dataFolder);
  const { jwks } = await openTokenKey(dataFolder);
  const { table } = await readTemplate(join(root, 'template.yaml'));
  const signal = untilSignal();
  const folder = stackFolderOf(dataFolder);
  const stack =
    findStack(folder) ?? (await startStack({ root, folder, localstackPort, table, say }));
  try {
    const api = await startSam({ root, folder, port, stack, jwks, say });
    say(`vault listening on ${api.url}`);
    const lost = await Promise.race([signal, stack.failed, api.failed]);
    await api.close();
    if (lost) throw lost;
  } finally {
    await stack.close();
  }
});
process.exit();
