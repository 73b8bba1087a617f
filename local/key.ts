/** `npm run key -- status|disable|enable`: the master key of the vault that runs, through its KMS. */
import { parseArgs } from 'node:util';
import {
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { failure, orUsage, runCommand, sentenceOf } from './command.ts';
import { dataFolderOf } from './data-folder.ts';
import { openMasterKey } from './kms/master-key.ts';
import { masterKeyFile } from './kms.ts';
import { findRunning, type Running } from './running.ts';

const actions = {
  status: undefined,
  disable: DisableKeyCommand,
  enable: EnableKeyCommand,
} as const;
type Action = keyof typeof actions;

const readAction = (): Action => {
  const { positionals } = orUsage(() => parseArgs({ allowPositionals: true }));
  const [action = '', ...rest] = positionals;
  if (Object.hasOwn(actions, action) && rest.length === 0) return action as Action;
  throw failure('use: npm run key -- status|disable|enable', { exitCode: 2 });
};

/** For a KMS that is not the local one the user's own access key is used. */
const connect = (folder: string, { kmsEndpoint, kmsIsLocal }: Running): KMSClient => {
  if (kmsIsLocal) {
    const { accessKeyId, secretAccessKey } = openMasterKey(masterKeyFile(folder)).credentials;
    return new KMSClient({
      endpoint: kmsEndpoint,
      region: 'us-east-1',
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    });
  }
  return new KMSClient({ endpoint: kmsEndpoint, maxAttempts: 1 });
};

await runCommand(async () => {
  const action = readAction();
  const folder = dataFolderOf(process.env);
  const running = findRunning(folder);
  if (running === undefined) {
    throw failure(`no vault runs on the data folder ${folder}: npm start starts one`);
  }
  const client = connect(folder, running);
  const KeyId = running.masterKeyId;
  try {
    const Change = actions[action];
    if (Change !== undefined) await client.send(new Change({ KeyId }));
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    process.stdout.write(`${KeyMetadata?.Arn} ${KeyMetadata?.KeyState}\n`);
  } catch (error) {
    throw failure(`the KMS at ${running.kmsEndpoint} refused: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
});
