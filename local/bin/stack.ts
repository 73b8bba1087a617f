/**
 * `npm run stack` runs the vault as on AWS, but on this machine. Without an argument it runs the
 * services that SAM's functions need, until Ctrl-C. `-- sam` serves the vault on them, and starts
 * them if they do not run. `-- localstack` deploys the whole template to LocalStack.
 */

import { dataFolderOf } from '../../host/process/data-folder.ts';
import { untilSignal } from '../../host/process/ending.ts';
import { newProgram, runProgram, say } from '../../host/process/program.ts';
import { stackFolderOf, stackRecord } from '../../host/process/vault-records.ts';
import { readLocalstackPort } from '../containers/localstack.ts';
import { stackInstalls } from '../containers/python.ts';
import { startStack } from '../containers/stack.ts';
import { localstackProgram } from './localstack.ts';
import { samProgram } from './sam.ts';

const program = newProgram(
  'npm run stack --',
  'runs the services that the functions of sam need, a store and a KMS, until Ctrl-C',
  ['npm run -s stack -- sam', 'LOCALSTACK_PORT=4600 npm run -s stack'],
  stackInstalls,
);

const runServices = async (): Promise<void> => {
  const localstackPort = readLocalstackPort();
  const folder = stackFolderOf(dataFolderOf(process.env));
  const stack = await startStack({ folder, localstackPort, say });
  try {
    stackRecord.remember(folder, stack);
    say(`store at ${stack.endpoints.dynamodb}, table ${stack.tableName}`);
    say(`LocalStack KMS at ${stack.endpoints.kms}, master key ${stack.masterKeyId}`);
    say('the stack is ready; npm run stack -- sam serves the vault on it');
    const lost = await Promise.race([untilSignal(), stack.failed]);
    stackRecord.forget(folder);
    if (lost) throw lost;
  } finally {
    await stack.close();
  }
};

program.action(runServices).addCommand(samProgram).addCommand(localstackProgram);

await runProgram(program.enablePositionalOptions());
