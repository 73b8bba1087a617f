/**
 * LocalStack with everything in the template: the functions in Docker's containers, the table in
 * dynoxide. `close` ends all of it and removes the containers. The next start deletes the table,
 * and removes what a killed process left. LocalStack keeps nothing over a restart, and a table that
 * belongs to no stack would make the next deployment fail.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startOnFolder } from '../../host/process/data-folder.ts';
import { startDynoxide } from '../dynamodb/dynoxide.ts';
import { addHost, hostName } from './container-host.ts';
import { docker, lambdaImage } from './docker.ts';
import { startLocalstack } from './localstack.ts';
import { prepareContainers } from './stack.ts';

export type CloudOptions = {
  /** The folder for the table, the logs and the pids. */
  readonly folder: string;
  readonly port: number;
  readonly say: (line: string) => void;
};

export type Cloud = {
  /** The endpoint of every service. */
  readonly endpoint: string;
  /**
   * The folders of the SAM CLI's programs and of LocalStack's environment, which has the AWS CLI.
   */
  readonly samPrograms: string;
  readonly awsPrograms: string;
  /** Settles only if a part died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const services = [
  'apigateway',
  'cloudformation',
  'cloudwatch',
  'dynamodb',
  'iam',
  'kms',
  'lambda',
  'logs',
  's3',
  'sns',
  'sts',
];

/** The label that marks the containers of this folder's functions. */
const labelOf = (folder: string): string =>
  `vault.localstack=${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;

const removeContainers = async (folder: string): Promise<void> => {
  const listed = await docker(['ps', '--all', '--quiet', '--filter', `label=${labelOf(folder)}`]);
  const ids = listed.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await docker(['rm', '--force', ...ids]);
};

const settingsOf = (folder: string, image: string) => ({
  DOCKER_HOST: process.env['DOCKER_HOST'] || undefined,
  HOSTNAME_FROM_LAMBDA: hostName,
  LAMBDA_DOCKER_FLAGS: `--add-host ${addHost} --label ${labelOf(folder)}`,
  LAMBDA_RUNTIME_IMAGE_MAPPING: JSON.stringify({ 'nodejs24.x': image }),
  // How many seconds a container may take to start. The default is too short on a busy machine, and
  // many containers may start at once.
  LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT: '60',
});

/**
 * Returns the arguments of Python that start LocalStack; `start-localstack.py` explains each of
 * them.
 */
const startOf = (image: string, store: string): readonly string[] => {
  const told = { store: new URL(store).host, image };
  return [join(import.meta.dirname, 'start-localstack.py'), JSON.stringify(told)];
};

/**
 * Starts LocalStack and everything with it, and returns when all parts answer. Throws one sentence
 * if a part cannot be started; nothing is left running then.
 */
export const startCloud = async ({ folder, port, say }: CloudOptions): Promise<Cloud> => {
  const { samPrograms, awsPrograms, host } = await prepareContainers(say);
  // Another image may get the same tag later, so the id is used.
  const image = await docker(['image', 'inspect', '--format', '{{.Id}}', lambdaImage]);
  return await startOnFolder(folder, say, async (closers) => {
    await removeContainers(folder);
    for (const file of ['store.sqlite', 'store.sqlite-shm', 'store.sqlite-wal']) {
      rmSync(join(folder, file), { force: true });
    }
    const store = await startDynoxide(folder);
    closers.push(store.close, () => removeContainers(folder));
    say('starting LocalStack');
    const localstack = await startLocalstack({
      programs: awsPrograms,
      ...{ folder, host, port, services },
      settings: settingsOf(folder, image),
      start: startOf(image, store.endpoint),
    });
    closers.push(localstack.close);
    return {
      endpoint: localstack.endpoint,
      ...{ samPrograms, awsPrograms },
      failed: Promise.race([store.failed, localstack.failed]),
    };
  });
};
