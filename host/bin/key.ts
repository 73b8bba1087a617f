/**
 * `npm run node -- host/bin/key.ts make|status|disable|enable` makes the file of a master key, or
 * shows or changes the state of the key in it. A change takes effect in every process of this
 * machine with its next turn of the event loop.
 */
import { Argument } from '@commander-js/extra-typings';
import { failure } from '../../system/failures.ts';
import {
  describeKeyFile,
  type KeyState,
  makeMasterKey,
  masterKeyFile,
  setKeyState,
} from '../kms/key-file.ts';
import { isKeyInKms } from '../kms/vault-key.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { newProgram, runProgram } from '../process/program.ts';

/** The state that each action sets, if it sets one. */
const states = {
  make: undefined,
  status: undefined,
  disable: 'Disabled',
  enable: 'Enabled',
} as const;

const program = newProgram(
  'npm run node -- host/bin/key.ts',
  'makes the file of a master key, or shows or changes the state of the key in it',
  [
    'npm run -s node -- host/bin/key.ts status',
    'VAULT_MASTER_KEY_FILE=/run/vault-key/kms.json npm run -s node -- host/bin/key.ts make',
    'VAULT_MASTER_KEY_FILE=/etc/vault/kms.json npm run -s node -- host/bin/key.ts disable',
  ],
).addArgument(
  new Argument(
    '<action>',
    'make: for a new vault; disable: no value can be stored or read on this machine until the key is enabled',
  ).choices(['make', 'status', 'disable', 'enable']),
);

program.action(async (action) => {
  const state: KeyState | undefined = states[action];
  if (isKeyInKms(process.env)) {
    throw failure('the master key is in a KMS, which has commands of its own: aws kms disable-key');
  }
  const file = masterKeyFile(dataFolderOf(process.env), process.env);
  if (action === 'make' && !makeMasterKey(file)) throw failure(`${file} already exists`);
  if (state !== undefined) setKeyState(file, state);
  const described = describeKeyFile(file);
  process.stdout.write(`${described.arn} ${described.state}\n`);
  if (state === undefined) return;
  process.stderr.write(
    'this affects only this machine: a copy of the file on another machine keeps its state\n',
  );
});

await runProgram(program);
