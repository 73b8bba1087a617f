/**
 * `npm run node -- local/bin/key.ts status|disable|enable`: shows or changes the state of the running vault's master key, through its
 * KMS.
 */
import { DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { failure, sentenceOf } from '../../system/failures.ts';
import { connectToRunning } from '../host/connect.ts';
import { dataFolderOf } from '../host/data-folder.ts';
import { runProgram, unknownWords } from '../host/program.ts';

const changes = { status: undefined, disable: DisableKeyCommand, enable: EnableKeyCommand };
type Action = keyof typeof changes;

const commandLine = {
  name: 'npm run node -- local/bin/key.ts',
  does: 'shows or changes the state of the master key of the vault that runs',
  forms: [
    ['status', 'prints the key and its state'],
    ['disable', 'no value can be stored or read until the key is enabled'],
    ['enable', 'values can be stored and read again'],
  ],
  takesWords: true,
  examples: [
    'npm run -s node -- local/bin/key.ts status',
    'VAULT_DATA_DIR=/tmp/a-vault npm run -s node -- local/bin/key.ts disable',
  ],
} as const;

const readAction = (words: readonly string[]): Action => {
  const [action = '', ...rest] = words;
  if (Object.hasOwn(changes, action) && rest.length === 0) return action as Action;
  throw unknownWords(words, 'status, disable or enable');
};

await runProgram(commandLine, async ({ words }) => {
  const Change = changes[readAction(words)];
  const { kms, masterKeyId: KeyId, close } = connectToRunning(dataFolderOf(process.env));
  try {
    if (Change !== undefined) await kms.send(new Change({ KeyId }));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    process.stdout.write(`${KeyMetadata?.Arn} ${KeyMetadata?.KeyState}\n`);
  } catch (error) {
    throw failure(`the KMS refused this: ${sentenceOf(error)}`, { cause: error });
  } finally {
    await close();
  }
});
