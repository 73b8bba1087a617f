/** The stack of the template on a LocalStack: deployed, deployed again, deleted, as `sam` does it on AWS. */
import { join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../command.ts';
import { run } from './run.ts';
import { buildTemplate, localParameters, runSam, samEnvironmentOf } from './sam-cli.ts';

export type Deployment = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  readonly samPrograms: string;
  readonly awsPrograms: string;
  readonly endpoint: string;
  readonly say: (line: string) => void;
};

/** As in samconfig.toml. The table and the functions are named after it. */
const stackName = 'vault';

const environmentOf = (deployment: Deployment): NodeJS.ProcessEnv => ({
  ...samEnvironmentOf(deployment),
  AWS_ENDPOINT_URL: deployment.endpoint,
  AWS_PAGER: '',
});

/** The AWS CLI on that LocalStack; returns what it prints, or throws its last words. */
export const runAws = (deployment: Deployment, args: readonly string[]): Promise<string> =>
  run(join(deployment.awsPrograms, 'aws'), args, { env: environmentOf(deployment) });

const succeeds = async (deployment: Deployment, ...args: readonly string[]): Promise<boolean> => {
  try {
    await runAws(deployment, args);
    return true;
  } catch {
    return false;
  }
};

/** As on AWS, a table that its stack left behind is in no stack's power any more. */
const checkNothingWasKept = async (deployment: Deployment): Promise<void> => {
  if (await succeeds(deployment, 'cloudformation', 'describe-stacks', '--stack-name', stackName)) {
    return;
  }
  if (await succeeds(deployment, 'dynamodb', 'describe-table', '--table-name', stackName)) {
    throw failure(
      `the table ${stackName} was kept when its stack was deleted, and no stack can be made over it: stop npm run ` +
        'localstack and start it anew, with an empty one',
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

/** LocalStack serves under another address what the stack's output names as AWS would. */
const findUrl = async (deployment: Deployment): Promise<string> => {
  const { Outputs } = await describeStack(deployment);
  const output = Outputs.find(({ OutputKey }) => OutputKey === 'ApiUrl')?.OutputValue;
  const { hostname, pathname } = new URL(output ?? '');
  return `${deployment.endpoint}/_aws/execute-api/${hostname.split('.')[0]}${pathname}`;
};

/** Deploys what is new or changed, and returns the address of the API. `jwks`: the public key set of tokens. */
export const deploy = async (deployment: Deployment, jwks: string): Promise<string> => {
  const { say } = deployment;
  await checkNothingWasKept(deployment);
  await buildTemplate(deployment, 'localstack', say);
  say('sam deploy');
  // Reserved concurrency is for an account that others use, too; here it would refuse what is only slow.
  const parameters = [...localParameters, 'EnvConcurrency=0', `AuthJwks=${JSON.stringify(jwks)}`];
  const how = ['--config-env', 'localstack', '--no-fail-on-empty-changeset'];
  const args = ['deploy', ...how, '--parameter-overrides', ...parameters];
  await runSam(deployment, args, environmentOf(deployment));
  return findUrl(deployment);
};

const kept = v.array(v.tuple([v.string(), v.string()]));

/** Deletes the stack. Returns what it has left, as the template's `DeletionPolicy` says: each a type and a name. */
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
