/**
 * `npm run stack`: runs the services that SAM's functions need, until Ctrl-C. `npm run sam` starts them by itself if
 * they do not run.
 */
import { join } from 'node:path';
import { readLocalstackPort } from '../containers/localstack.ts';
import { stackInstalls } from '../containers/python.ts';
import { forgetStack, rememberStack, say, stackFolderOf } from '../containers/running.ts';
import { startStack } from '../containers/stack.ts';
import { dataFolderOf, root } from '../host/data-folder.ts';
import { untilSignal } from '../host/ending.ts';
import { runProgram } from '../host/program.ts';
import { readTemplate } from '../host/template.ts';

const commandLine = {
  name: 'npm run stack',
  does: 'runs what the functions of npm run sam need, a store and a KMS, until Ctrl-C',
  forms: [['', 'npm run sam then uses it, and starts in seconds']],
  examples: ['npm run -s stack', 'LOCALSTACK_PORT=4600 npm run -s stack'],
  installs: stackInstalls,
} as const;

await runProgram(commandLine, async () => {
  const localstackPort = readLocalstackPort();
  const folder = stackFolderOf(dataFolderOf(process.env));
  const { table } = await readTemplate(join(root, 'template.yaml'));
  const stack = await startStack({ root, folder, localstackPort, table, say });
  try {
    rememberStack(folder, stack);
    say(`store at ${stack.localEndpoints.dynamodb}, table ${stack.tableName}`);
    say(`LocalStack KMS at ${stack.localEndpoints.kms}, master key ${stack.masterKeyId}`);
    say('the stack is ready; npm run sam serves the vault on it');
    const lost = await Promise.race([untilSignal(), stack.failed]);
    forgetStack(folder);
    if (lost) throw lost;
  } finally {
    await stack.close();
  }
});
