/** `npm run key -- status|disable|enable`: the master key of the vault that runs, through its KMS. */
import { parseArgs } from 'node:util';
import { DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { failure, orUsage, runCommand, sentenceOf } from './command.ts';
import { connectToRunning } from './connect.ts';
import { dataFolderOf } from './data-folder.ts';

const changes = { status: undefined, disable: DisableKeyCommand, enable: EnableKeyCommand };
type Action = keyof typeof changes;

const readAction = (): Action => {
  const { positionals } = orUsage(() => parseArgs({ allowPositionals: true }));
  const [action = '', ...rest] = positionals;
  if (Object.hasOwn(changes, action) && rest.length === 0) return action as Action;
  throw failure('use: npm run key -- status|disable|enable', { exitCode: 2 });
};

await runCommand(async () => {
  const Change = changes[readAction()];
  const { kms, masterKeyId: KeyId, close } = connectToRunning(dataFolderOf(process.env));
  try {
    if (Change !== undefined) await kms.send(new Change({ KeyId }));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    process.stdout.write(`${KeyMetadata?.Arn} ${KeyMetadata?.KeyState}\n`);
  } catch (error) {
    throw failure(`the KMS does not do this: ${sentenceOf(error)}`, { cause: error });
  } finally {
    await close();
  }
});
