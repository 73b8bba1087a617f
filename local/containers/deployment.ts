/**
 * Deploys, updates and deletes the stack of the template on a LocalStack, as `sam` does it on AWS.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { run } from '../../host/process/run.ts';
import { failure } from '../../system/failures.ts';
import { buildTemplate, type Identity, localParameters, runSam, samEnvironment } from './sam.ts';

export type Deployment = {
  readonly samPrograms: string;
  readonly awsPrograms: string;
  readonly endpoint: string;
  readonly say: (line: string) => void;
};

/** As in samconfig.toml. The table and the functions are named after it. */
const stackName = 'vault';

const awsEnvironmentOf = ({ endpoint }: Deployment): NodeJS.ProcessEnv => ({
  ...samEnvironment,
  AWS_ENDPOINT_URL: endpoint,
  AWS_PAGER: '',
});

/**
 * Runs the AWS CLI on the deployment's LocalStack. Returns its output, or throws an error with its
 * last line.
 */
export const runAws = (deployment: Deployment, args: readonly string[]): Promise<string> =>
  run(join(deployment.awsPrograms, 'aws'), args, { env: awsEnvironmentOf(deployment) });

const succeeds = async (deployment: Deployment, ...args: readonly string[]): Promise<boolean> => {
  try {
    await runAws(deployment, args);
    return true;
  } catch {
    return false;
  }
};

/**
 * Throws if a table is left from a deleted stack: as on AWS, no stack can create a table with that
 * name again.
 */
const checkNothingWasKept = async (deployment: Deployment): Promise<void> => {
  if (await succeeds(deployment, 'cloudformation', 'describe-stacks', '--stack-name', stackName)) {
    return;
  }
  if (await succeeds(deployment, 'dynamodb', 'describe-table', '--table-name', stackName)) {
    throw failure(
      `the table ${stackName} was kept when its stack was deleted: stop npm run stack -- localstack and start it again, empty`,
    );
  }
};

const described = v.object({
  StackId: v.string(),
  Outputs: v.array(v.object({ OutputKey: v.string(), OutputValue: v.string() })),
});

const describeStack = async (deployment: Deployment): Promise<v.InferOutput<typeof described>> => {
  const ask = ['cloudformation', 'describe-stacks', '--stack-name', stackName, '--output', 'json'];
  return v.parse(described, JSON.parse(await runAws(deployment, [...ask, '--query', 'Stacks[0]'])));
};

/**
 * Finds the API's address. The stack's output names it as AWS would, but LocalStack serves it at
 * another address.
 */
const findUrl = async (deployment: Deployment): Promise<string> => {
  const { Outputs } = await describeStack(deployment);
  const output = Outputs.find(({ OutputKey }) => OutputKey === 'ApiUrl')?.OutputValue;
  const { hostname, pathname } = new URL(output ?? '');
  return `${deployment.endpoint}/_aws/execute-api/${hostname.split('.')[0]}${pathname}`;
};

/** Deploys the template's changes, and returns the address of the API. */
export const deploy = async (deployment: Deployment, identity: Identity): Promise<string> => {
  const { samPrograms, say } = deployment;
  await checkNothingWasKept(deployment);
  await buildTemplate(samPrograms, 'localstack', identity, say);
  say('sam deploy');
  // `EnvConcurrency=0` below reserves no concurrency. A reservation is meant for accounts with
  // other users, and here it would only refuse slow calls.
  const keys = 'jwks' in identity ? [`AuthJwks=${JSON.stringify(identity.jwks)}`] : [];
  const parameters = [...localParameters(identity), 'EnvConcurrency=0', ...keys];
  const how = ['--config-env', 'localstack', '--no-fail-on-empty-changeset'];
  const args = ['deploy', ...how, '--parameter-overrides', ...parameters];
  await runSam(samPrograms, args, awsEnvironmentOf(deployment));
  return findUrl(deployment);
};

const kept = v.array(v.tuple([v.string(), v.string()]));

/**
 * Deletes the stack. Returns the resources that the template's `DeletionPolicy` keeps, each with a
 * type and a name.
 */
export const deleteStack = async (
  deployment: Deployment,
): Promise<readonly (readonly [type: string, name: string])[]> => {
  const { StackId } = await describeStack(deployment);
  const ofStack = ['--stack-name', StackId];
  await runAws(deployment, ['cloudformation', 'delete-stack', ...ofStack]);
  await runAws(deployment, ['cloudformation', 'wait', 'stack-delete-complete', ...ofStack]);
  const skipped =
    "StackEvents[?ResourceStatus=='DELETE_SKIPPED'].[ResourceType, PhysicalResourceId]";
  const ask = ['cloudformation', 'describe-stack-events', ...ofStack, '--query', skipped];
  return v.parse(kept, JSON.parse(await runAws(deployment, [...ask, '--output', 'json'])));
};
