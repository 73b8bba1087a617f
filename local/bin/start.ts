/** `npm start`: runs the whole vault in one process and one data folder, on http://127.0.0.1:3000. */
import { Option } from '@commander-js/extra-typings';
import { newProgram, runProgram } from '../process/program.ts';
import { serveVault } from '../vaults/standalone.ts';

const program = newProgram(
  'npm start --',
  'serves a vault on http://127.0.0.1:3000 until Ctrl-C; docs/configuration.md has the variables that it reads',
  ['npm start', 'PORT=3100 VAULT_DATA_DIR=/tmp/a-vault npm start'],
  ['--store dynamodb-local downloads DynamoDB Local into .local/dynamodb-local, once'],
)
  .addOption(
    new Option('--store <name>', 'the embedded store, or another one')
      .choices(['dynoxide', 'dynamodb-local'])
      .default('dynoxide'),
  )
  .action(({ store }) => serveVault(store));

await runProgram(program);
