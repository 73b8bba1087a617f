/**
 * A stack on its own LocalStack is deployed, deployed again, given an access policy, restored as a
 * second stack, and deleted. The tests tell one story: each begins with the stack as the test
 * before has left it.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDynamodbTable } from '../../../functions/dynamodb/dynamodb-table.ts';
import { openTokenKey } from '../../../host/identity/token-key.ts';
import { findFreePort } from '../../../host/process/ports.ts';
import { cloudRecord, localstackFolderOf } from '../../../host/process/vault-records.ts';
import { identityOf, localParameters, runSam } from '../../../local/containers/sam.ts';
import {
  expectReadsOnlyApp,
  githubPolicy,
  storeForTwoTenants,
} from '../../support/github-access.ts';
import { placeInit } from '../../support/images/stand-ins.ts';
import { freshFolder, type LocalProcess, lineOf, runLocal } from '../../support/local-process.ts';
import { exchange } from '../../support/raw-http.ts';
import { sendUntilFinal } from '../../support/repeated-requests.ts';
import { readTemplate } from '../../support/template.ts';
import { issueToken } from '../../support/tokens.ts';
import { askAws, aws, outputOf } from './aws.ts';

const dataDir = freshFolder();
const policyFile = join(freshFolder(), 'access.yaml');
const listening = /^vault listening on (http:\/\/\S+)$/;
const startLimitMs = 240_000;
let served: LocalProcess;
let url: string;
let port: string;

type Ended = LocalProcess & { readonly code: number | null };
/** Runs a command as from another terminal, until it ends. */
const again = async (...args: readonly string[]): Promise<Ended> => {
  const policy = existsSync(policyFile) ? { AUTH_POLICY_FILE: policyFile } : {};
  const command = runLocal('stack', ['localstack', ...args], {
    VAULT_DATA_DIR: dataDir,
    ...policy,
  });
  return { ...command, code: await command.exit };
};
const addressOf = ({ output }: LocalProcess) =>
  output.map((line) => listening.exec(line)?.[1]).find(Boolean);

/**
 * Returns the environment with which programs on this machine reach the store and the key in
 * LocalStack.
 */
const storeEnvironment = (): NodeJS.ProcessEnv => {
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_KMS: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
};

type Answer = { readonly versions?: readonly { readonly value: string }[] };
const call = async (method: string, path: string, token: string, body?: object, base = url) => {
  const headers = {
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': randomUUID(),
  };
  const { pathname } = new URL(base);
  const sent = {
    method,
    url: base,
    path: `${pathname}${path}`,
    headers,
    body: JSON.stringify(body),
  };
  const { status, text } = await sendUntilFinal(() => exchange(sent), {
    triesMax: 50,
    isSafe: true,
    check: () => {},
  });
  return { status, json: JSON.parse(text) as Answer };
};

beforeAll(async () => {
  port = String(await findFreePort());
  await placeInit(dataDir);
  served = runLocal('stack', ['localstack'], { VAULT_DATA_DIR: dataDir, LOCALSTACK_PORT: port });
  url = await lineOf(served, listening, startLimitMs);
  const body = { name: 'KEPT', value: 'one' };
  await call('POST', '/v1/secrets', issueToken(dataDir, { tenant: 'a' }), body);
});
afterAll(async () => {
  served.child.kill('SIGTERM');
  await served.exit;
  rmSync(dataDir, { recursive: true, force: true });
});

describe('a stack on LocalStack', () => {
  it('keeps its address and data when it is deployed again unchanged', async () => {
    const { code, ...command } = await again();
    expect([code, command.errors]).toEqual([0, []]);
    expect(addressOf(command)).toBe(url);
    const reply = await call('GET', '/v1/secrets/KEPT', issueToken(dataDir, { tenant: 'a' }));
    expect(reply).toMatchObject({ status: 200, json: { version: 1, value: 'one' } });
  });

  it('accepts only tokens of the new key set after a deployment that replaces the key set, and keeps its data', async () => {
    const old = issueToken(dataDir, { tenant: 'a' });
    rmSync(join(dataDir, 'token-key.json'));
    writeFileSync(policyFile, githubPolicy());
    const { code, ...command } = await again();
    expect([code, addressOf(command)]).toEqual([0, url]);
    const fresh = issueToken(dataDir, { tenant: 'a' });
    expect((await call('GET', '/v1/secrets/KEPT', old)).status).toBe(401);
    const update = await call('PUT', '/v1/secrets/KEPT', fresh, { value: 'two' });
    expect(update).toMatchObject({ status: 200, json: { version: 2 } });
    const { json } = await call('GET', '/v1/secrets/KEPT/versions?include=values&order=asc', fresh);
    expect(json.versions?.map(({ value }) => value)).toEqual(['one', 'two']);
  });

  // Shows G7.
  it('lets a token of GitHub Actions read exactly app.* of tenant acme by the access policy deployed with it', async () => {
    const send = (token: string, method: string, path: string, body?: object) =>
      call(method, path, token, body);
    await storeForTwoTenants(send, (tenant) => issueToken(dataDir, { tenant }));
    await expectReadsOnlyApp(send);
  });
});

// This is the exercise in docs/deploy/aws.md, with alarms. LocalStack has no point-in-time restore,
// so a copy takes the place of the restored table.
describe('a second stack over a copy of the table', () => {
  const name = 'vault-restored';
  const email = 'ops@example.com';
  const existing = { TABLE_NAME: name, VAULT_ID: 'vault', MASTER_KEY_ID: '' };
  let restored: string | undefined;
  const ask = (method: string, path: string, body?: object) =>
    call(method, path, issueToken(dataDir, { tenant: 'a' }), body, restored);

  /**
   * Copies the table. As after a restore on AWS, the copy has the keys and the index of the table,
   * and neither time to live nor protection.
   */
  const copyTable = async (): Promise<void> => {
    const { create } = (await readTemplate()).table;
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
    const copy = { ...create, TableName: name, DeletionProtectionEnabled: false };
    await client.send(new CreateTableCommand(copy));
    for await (const page of createDynamodbTable(client, 'vault').pages()) {
      for (const Item of page) await client.send(new PutItemCommand({ TableName: name, Item }));
    }
    client.destroy();
  };

  /** Deploys what the last deployment of the first stack has built, and returns its address. */
  const deploy = async (): Promise<string> => {
    const { endpoint = '', samPrograms = '' } = cloudRecord.find(localstackFolderOf(dataDir)) ?? {};
    const { jwks } = await openTokenKey(dataDir);
    const parameters = [
      ...localParameters(identityOf(jwks, { AUTH_POLICY_FILE: policyFile })),
      ...['EnvConcurrency=0', `AlarmEmail=${email}`],
      ...[`ExistingTable=${name}`, `ExistingKeyArn=${existing.MASTER_KEY_ID}`, 'VaultId=vault'],
    ];
    const how = ['--config-env', 'localstack', '--stack-name', name];
    const args = ['deploy', ...how, '--parameter-overrides', ...parameters];
    await runSam(samPrograms, args, { AWS_ENDPOINT_URL: endpoint });
    const { hostname, pathname } = new URL(await outputOf(dataDir, 'ApiUrl', name));
    return `${endpoint}/_aws/execute-api/${hostname.split('.')[0]}${pathname}`;
  };

  beforeAll(async () => {
    await copyTable();
    const later = issueToken(dataDir, { tenant: 'a' });
    await call('PUT', '/v1/secrets/KEPT', later, { value: 'three' });
    existing.MASTER_KEY_ID = await outputOf(dataDir, 'MasterKeyArn');
    restored = await deploy();
  });

  it('shows the values and the history as of the copy, and nothing later', async () => {
    expect(restored).not.toBe(url);
    const reply = await ask('GET', '/v1/secrets/KEPT');
    expect(reply).toMatchObject({ status: 200, json: { version: 2, value: 'two' } });
    const { json } = await ask('GET', '/v1/secrets/KEPT/versions?include=values&order=asc');
    expect(json.versions?.map(({ value }) => value)).toEqual(['one', 'two']);
  });

  it('has a table that, as restore --preview says, lacks the version that was written after the copy', async () => {
    const args = ['--preview', '--table', 'vault', '--table', name];
    const { output, exit } = runLocal('restore', args, storeEnvironment());
    expect(await exit).toBe(1);
    expect(output).toEqual(
      expect.arrayContaining([
        '1 version would be lost, and their numbers would be assigned again:',
        expect.stringMatching(/^ {2}tenant a, KEPT version 3 by /),
      ]),
    );
  });

  it('accepts new secrets, which the first stack does not have', async () => {
    const body = { name: 'AFTERWARDS', value: 'four' };
    expect((await ask('POST', '/v1/secrets', body)).status).toBe(201);
    expect(await ask('GET', '/v1/secrets/AFTERWARDS')).toMatchObject({ json: { value: 'four' } });
    const first = issueToken(dataDir, { tenant: 'a' });
    expect((await call('GET', '/v1/secrets/AFTERWARDS', first)).status).toBe(404);
  });

  it('passes npm run inspect -- --verify, once the time to live of the copy is set', async () => {
    const verify = async () => {
      const { output, exit } = runLocal('inspect', ['--verify'], {
        ...existing,
        ...storeEnvironment(),
      });
      return [await exit, ...output.slice(-2)];
    };
    expect(await verify()).toEqual([
      1,
      'the table keeps expired records: turn on its time to live for expiresAt',
      'verified the whole table: 1 violations',
    ]);
    const specification = 'Enabled=true,AttributeName=expiresAt';
    await aws(
      dataDir,
      ...['dynamodb', 'update-time-to-live', '--table-name', name],
      ...['--time-to-live-specification', specification],
    );
    expect(await verify()).toEqual([0, '', 'verified the whole table: no violations']);
  });

  // LocalStack does not support dashboards. test/contract/template.test.ts checks the text of ours.
  it('has ten alarms, whose topic notifies the address in AlarmEmail', async () => {
    const query = 'MetricAlarms[].[AlarmName, AlarmActions[0]]';
    const alarms = await askAws<[string, string][]>(
      dataDir,
      ...['cloudwatch', 'describe-alarms', '--query', query],
    );
    expect(alarms).toHaveLength(10);
    const [topic, ...others] = new Set(alarms.map(([, action]) => action));
    expect([topic, others]).toEqual([expect.stringMatching(/:vault-restored-alarms$/), []]);
    const subscribed = [
      'sns',
      'list-subscriptions',
      '--query',
      'Subscriptions[].[TopicArn, Endpoint]',
    ];
    expect(await askAws(dataDir, ...subscribed)).toEqual([[topic, email]]);
  });

  it('leaves the copy and the key of the first stack when it is deleted', async () => {
    const stacks = ['cloudformation', 'describe-stacks', '--stack-name', name];
    const ofStack = [
      '--stack-name',
      await askAws<string>(dataDir, ...stacks, '--query', 'Stacks[0].StackId'),
    ];
    await aws(dataDir, 'cloudformation', 'delete-stack', ...ofStack);
    await aws(dataDir, 'cloudformation', 'wait', 'stack-delete-complete', ...ofStack);
    const skipped = "StackEvents[?ResourceStatus=='DELETE_SKIPPED'].ResourceType";
    const events = ['cloudformation', 'describe-stack-events', ...ofStack, '--query', skipped];
    expect(new Set(await askAws<string[]>(dataDir, ...events))).toEqual(
      new Set(['AWS::Logs::LogGroup']),
    );
    const ofCopy = ['--table-name', name, '--select', 'COUNT', '--query', 'Count'];
    expect(await askAws<number>(dataDir, 'dynamodb', 'scan', ...ofCopy)).toBeGreaterThan(8);
    const first = await call('GET', '/v1/secrets/KEPT', issueToken(dataDir, { tenant: 'a' }));
    expect(first).toMatchObject({ status: 200, json: { version: 3, value: 'three' } });
  });
});

describe('a deleted stack', () => {
  it('lists what it leaves: the table, the master key and the logs', async () => {
    const { code, output } = await again('delete');
    expect(code).toBe(0);
    expect(output).toContain('AWS::DynamoDB::Table vault');
    expect(output.filter((line) => line.startsWith('AWS::KMS::Key '))).toHaveLength(1);
    expect(output.filter((line) => line.startsWith('AWS::Logs::LogGroup '))).toHaveLength(15);
    expect(output.filter((line) => line.startsWith('AWS::'))).toHaveLength(17);
  });

  it('leaves no function and no API', async () => {
    const list = ['lambda', 'list-functions', '--query', 'Functions[].FunctionName'];
    expect(await askAws(dataDir, ...list)).toEqual([]);
    expect(await askAws(dataDir, 'apigateway', 'get-rest-apis', '--query', 'items')).toEqual([]);
  });

  it('leaves every item in the table', async () => {
    const scan = ['dynamodb', 'scan', '--table-name', 'vault', '--query', 'Items[].[pk.S, sk.S]'];
    const keys = await askAws<string[][]>(dataDir, ...scan);
    // The creates and updates had idempotency keys, so each has left a record in the table. The
    // name of a record is a hash.
    const named = keys.map((key) => key.join(' ').replace(/(#IDEMPOTENCY#)\S+/, '$1HASH'));
    expect(named.sort()).toEqual([
      'TENANT#a#IDEMPOTENCY#HASH RECORD',
      'TENANT#a#IDEMPOTENCY#HASH RECORD',
      'TENANT#a#IDEMPOTENCY#HASH RECORD',
      'TENANT#a#SECRET#KEPT HEAD',
      'TENANT#a#SECRET#KEPT VERSION#0000000001',
      'TENANT#a#SECRET#KEPT VERSION#0000000002',
      'TENANT#acme#IDEMPOTENCY#HASH RECORD',
      'TENANT#acme#IDEMPOTENCY#HASH RECORD',
      'TENANT#acme#SECRET#app.DB HEAD',
      'TENANT#acme#SECRET#web.DB HEAD',
      'TENANT#other#IDEMPOTENCY#HASH RECORD',
      'TENANT#other#IDEMPOTENCY#HASH RECORD',
      'TENANT#other#SECRET#app.DB HEAD',
      'TENANT#other#SECRET#app.KEY HEAD',
    ]);
  });

  it('leaves the master key enabled', async () => {
    const ask = ['kms', 'list-keys', '--query', 'Keys[].KeyId'];
    for (const id of await askAws<string[]>(dataDir, ...ask)) {
      const describeKey = ['kms', 'describe-key', '--key-id', id];
      expect(await askAws(dataDir, ...describeKey)).toMatchObject({
        KeyMetadata: { KeyState: 'Enabled' },
      });
    }
  });

  it('refuses a new deployment over its table with one sentence', async () => {
    const { code, errors } = await again();
    expect(code).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/^the table vault was kept when its stack was/)]);
  });
});
