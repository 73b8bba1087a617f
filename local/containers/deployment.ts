/**
 * Deploys, updates and deletes the stack of the template on a LocalStack, as `sam` does it on AWS.
 */
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { Item } from '../../functions/store/items.ts';
import { run } from '../../host/process/run.ts';
import { readTemplate } from '../../host/template.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import { buildTemplate, type Identity, localParameters, runSam, samEnvironment } from './sam.ts';

export type Deployment = {
  readonly samPrograms: string;
  readonly awsPrograms: string;
  readonly endpoint: string;
  readonly say: (line: string) => void;
};

/**
 * `vault`, as in samconfig.toml, unless `STACK_NAME` names another. The table and the functions are
 * named after it.
 */
const stackName = process.env['STACK_NAME'] || 'vault';

/**
 * Returns the parameters of a stack over an existing vault, from the variables that name the vault
 * to the functions. Without them, a new stack creates its own table and key, and a redeployed stack
 * keeps what it has.
 */
const existingVault = (): readonly string[] =>
  Object.entries({
    ExistingTable: process.env['TABLE_NAME'],
    ExistingKeyArn: process.env['MASTER_KEY_ID'],
    VaultId: process.env['VAULT_ID'],
  }).flatMap(([parameter, value]) => (value ? [`${parameter}=${value}`] : []));

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
  if (process.env['TABLE_NAME']) return;
  if (await succeeds(deployment, 'cloudformation', 'describe-stacks', '--stack-name', stackName)) {
    return;
  }
  if (await succeeds(deployment, 'dynamodb', 'describe-table', '--table-name', stackName)) {
    throw failure(
      `the table ${stackName} was kept when its stack was deleted: give the new stack another STACK_NAME, and TABLE_NAME, ` +
        'MASTER_KEY_ID and VAULT_ID of what was kept; or stop npm run stack -- localstack and start it again, empty',
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
  const email = process.env['ALARM_EMAIL'];
  const alarms = email ? [`AlarmEmail=${email}`] : [];
  const keys = 'jwks' in identity ? [`AuthJwks=${JSON.stringify(identity.jwks)}`] : [];
  const own = ['EnvConcurrency=0', ...existingVault(), ...alarms, ...keys];
  const parameters = [...localParameters(identity), ...own];
  const how = ['--config-env', 'localstack', '--no-fail-on-empty-changeset'];
  const name = ['--stack-name', stackName];
  const args = ['deploy', ...how, ...name, '--parameter-overrides', ...parameters];
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

/**
 * Copies a table into a new one, because LocalStack has no `restore-table-to-point-in-time`. As
 * after a restore on AWS, the copy has the keys and the index of the table, and neither time to
 * live nor protection. Returns the count of items. Throws one sentence if there is no such table,
 * or if the copy exists.
 */
export const copyTable = async (
  { endpoint }: Deployment,
  from: string,
  to: string,
): Promise<number> => {
  const { create } = (await readTemplate()).table;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
  const restored = { ...create, TableName: to, DeletionProtectionEnabled: false };
  const items: Item[] = [];
  try {
    for await (const page of createDynamodbTable(client, from).pages()) items.push(...page);
    await client.send(new CreateTableCommand(restored));
    for (const Item of items) await client.send(new PutItemCommand({ TableName: to, Item }));
    return items.length;
  } catch (error) {
    throw failure(`${from} cannot be copied to ${to}: ${sentenceOf(error)}`, { cause: error });
  } finally {
    client.destroy();
  }
};
