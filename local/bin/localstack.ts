/**
 * `npm run stack -- localstack` deploys the template to LocalStack and keeps it running until
 * Ctrl-C. Meanwhile the same command from another terminal deploys changes. With `delete` it
 * deletes the stack, and with `aws …` it runs the AWS CLI.
 */

import { openTokenKey } from '../../host/identity/token-key.ts';
import { dataFolderOf, openDataFolder } from '../../host/process/data-folder.ts';
import { untilSignal } from '../../host/process/ending.ts';
import { newProgram, say } from '../../host/process/program.ts';
import {
  cloudRecord,
  localstackFolderOf,
  type RunningCloud,
} from '../../host/process/vault-records.ts';
import { failure } from '../../system/failures.ts';
import { type Cloud, startCloud } from '../containers/cloud.ts';
import { deleteStack, deploy, runAws } from '../containers/deployment.ts';
import { readLocalstackPort } from '../containers/localstack.ts';
import { stackInstalls } from '../containers/python.ts';
import { identityOf } from '../containers/sam.ts';

const dataFolder = dataFolderOf(process.env);
const folder = localstackFolderOf(dataFolder);

const getCloud = (): RunningCloud => {
  const cloud = cloudRecord.find(folder);
  if (cloud === undefined)
    throw failure('no LocalStack runs here: npm run stack -- localstack starts one');
  return cloud;
};

const deployTo = async (cloud: RunningCloud): Promise<string> => {
  const { jwks } = await openTokenKey(dataFolder);
  const url = await deploy({ ...cloud, say }, identityOf(jwks));
  say(`vault listening on ${url}`);
  return url;
};

const serve = async (cloud: Cloud): Promise<void> => {
  try {
    cloudRecord.remember(folder, cloud);
    const ended = Promise.race([untilSignal(), cloud.failed]);
    const deployed = deployTo(cloud).then((url) => cloudRecord.remember(folder, { ...cloud, url }));
    const lost = await Promise.race([ended, deployed.then(() => ended)]);
    if (lost) throw lost;
  } finally {
    cloudRecord.forget(folder);
    await cloud.close();
  }
};

const up = async (): Promise<void> => {
  const port = readLocalstackPort();
  openDataFolder(dataFolder);
  const running = cloudRecord.find(folder);
  if (running !== undefined) return void (await deployTo(running));
  await serve(await startCloud({ folder, port, say }));
};

const remove = async (): Promise<void> => {
  const kept = await deleteStack({ ...getCloud(), say });
  say('the stack is deleted; what template.yaml says to retain is still there:');
  for (const [type, name] of kept) say(`${type} ${name}`);
};

export const localstackProgram = newProgram(
  'localstack',
  'deploys the template to a LocalStack on this machine, and serves it until Ctrl-C; while it runs, deploys again what ' +
    'was changed',
  ['npm run -s stack -- localstack', 'npm run -s stack -- localstack aws kms list-keys'],
  stackInstalls,
).action(up);
localstackProgram
  .command('delete')
  .description('deletes the stack, and tells what it leaves')
  .action(remove);
localstackProgram
  .enablePositionalOptions()
  .command('aws <words...>')
  .description('runs the AWS CLI on that LocalStack, with all words that follow')
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (words) => say(await runAws({ ...getCloud(), say }, words)));
