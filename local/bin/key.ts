/**
 * `npm run node -- local/bin/key.ts status|disable|enable`: shows or changes the state of the master key in its file.
 * Every process of this machine that uses the file obeys from its next call on.
 */
import { failure } from '../../system/failures.ts';
import { describeKeyFile, type KeyState, masterKeyFile, setKeyState } from '../kms/key-file.ts';
import { isKeyInKms } from '../kms/vault-key.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { runProgram, unknownWords } from '../process/program.ts';

const changes = { status: undefined, disable: 'Disabled', enable: 'Enabled' } as const;
type Action = keyof typeof changes;

const commandLine = {
  name: 'npm run node -- local/bin/key.ts',
  does: 'shows or changes the state of the master key in its file',
  forms: [
    ['status', 'prints the key and its state'],
    ['disable', 'no value can be stored or read on this machine until the key is enabled'],
    ['enable', 'values can be stored and read again'],
  ],
  takesWords: true,
  examples: [
    'npm run -s node -- local/bin/key.ts status',
    'VAULT_MASTER_KEY_FILE=/etc/vault/kms.json npm run -s node -- local/bin/key.ts disable',
  ],
} as const;

const readAction = (words: readonly string[]): Action => {
  const [action = '', ...rest] = words;
  if (Object.hasOwn(changes, action) && rest.length === 0) return action as Action;
  throw unknownWords(words, 'status, disable or enable');
};

await runProgram(commandLine, async ({ words }) => {
  const state: KeyState | undefined = changes[readAction(words)];
  if (isKeyInKms(process.env)) {
    throw failure('the master key is in a KMS, which has commands of its own: aws kms disable-key');
  }
  const file = masterKeyFile(dataFolderOf(process.env), process.env);
  if (state !== undefined) setKeyState(file, state);
  const described = describeKeyFile(file);
  process.stdout.write(`${described.arn} ${described.state}\n`);
  if (state === undefined) return;
  process.stderr.write(
    'only this machine obeys: a copy of the file on another machine keeps its state\n',
  );
});
