/**
 * `npm run stack -- sam` serves the vault on http://127.0.0.1:3000 with `sam local start-api`, on a
 * store and a KMS that it starts.
 */
import { openTokenKey } from '../../host/identity/token-key.ts';
import { dataFolderOf, openDataFolder } from '../../host/process/data-folder.ts';
import { untilSignal } from '../../host/process/ending.ts';
import { findFreePort, readPort } from '../../host/process/ports.ts';
import { newProgram, say } from '../../host/process/program.ts';
import { samRecord, stackFolderOf } from '../../host/process/vault-records.ts';
import { failure } from '../../system/failures.ts';
import { readLocalstackPort } from '../containers/localstack.ts';
import { stackInstalls } from '../containers/python.ts';
import { identityOf, startSam } from '../containers/sam.ts';
import { startStack } from '../containers/stack.ts';

export const samProgram = newProgram(
  'sam',
  'serves the vault on http://127.0.0.1:3000 by "sam local start-api", in containers as on AWS, until Ctrl-C',
  ['npm run -s stack -- sam', 'PORT=3100 npm run -s stack -- sam'],
  stackInstalls,
);

samProgram.action(async () => {
  const port = readPort(3000) || (await findFreePort());
  const localstackPort = readLocalstackPort();
  const dataFolder = dataFolderOf(process.env);
  openDataFolder(dataFolder);
  const { jwks } = await openTokenKey(dataFolder);
  const folder = stackFolderOf(dataFolder);
  const running = samRecord.find(folder);
  if (running !== undefined) {
    throw failure(
      `npm run stack -- sam serves this vault already, on ${running.url}: stop it, or set VAULT_DATA_DIR to another folder`,
    );
  }
  const stack = await startStack({ folder, localstackPort, say });
  try {
    const api = await startSam({ folder, port, stack, identity: identityOf(jwks), say });
    samRecord.remember(folder, { url: api.url });
    say(`vault listening on ${api.url}`);
    const lost = await Promise.race([untilSignal(), stack.failed, api.failed]);
    samRecord.forget(folder);
    await api.close();
    if (lost) throw lost;
  } finally {
    await stack.close();
  }
});
