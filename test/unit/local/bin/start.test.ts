/** The commands of `local/` as separate processes. Other files of this folder test what needs no process. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openTokenKey } from '../../../../local/identity/token-key.ts';
import { endRememberedChild, isRunning } from '../../../../local/process/process-record.ts';
import { startKms } from '../../../support/kms-server.ts';
import {
  addressOf,
  freshFolder,
  type LocalProcess,
  runLocal,
} from '../../../support/local-process.ts';

let folder: string;
let started: LocalProcess[];

const start = (env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): LocalProcess => {
  const vault = runLocal('start', args, { VAULT_DATA_DIR: folder, PORT: '0', ...env });
  started.push(vault);
  return vault;
};
const command = async (program: string, ...args: readonly string[]) => {
  const { exit, output, errors } = runLocal(program, args, { VAULT_DATA_DIR: folder });
  return { code: await exit, output, errors };
};
const readJson = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const hasStore = (): boolean =>
  readdirSync(folder).includes('store.pid') && isRunning(readJson('store.pid'));
const create = async (url: string, name: string): Promise<number> => {
  const scope = 'secrets:read secrets:write';
  const token = await (await openTokenKey(folder)).issue({ tenant: 'acme', sub: 'al', scope }, 60);
  const reply = await fetch(`${url}/v1/secrets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, value: 'hunter2' }),
  });
  return reply.status;
};
const removeFolder = async (): Promise<void> => {
  for (const { child, exit } of started) {
    child.kill('SIGKILL');
    await exit;
  }
  await endRememberedChild(join(folder, 'store.pid'));
  rmSync(folder, { recursive: true });
};
const makeFolder = (): void => {
  folder = freshFolder();
  started = [];
};

describe('npm start', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it.each([
    ['master key', 'kms.json', 'kms.json is missing, the master key of the vault in'],
    ['vault id', 'vault.json', 'vault.json is missing, the id of the vault whose data'],
  ])('makes no new %s for the data of another', async (_, file, sentence) => {
    const first = start();
    expect(await create(await addressOf(first), 'DB')).toBe(201);
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(0);
    rmSync(join(folder, file));
    const second = start();
    expect(await second.exit).toBe(1);
    expect(second.errors.join(' ')).toContain(sentence);
    expect(readdirSync(folder)).not.toContain(file);
  });

  it('tells how to make a token, and stops all that it started', async () => {
    const vault = start();
    const url = await addressOf(vault);
    expect(await create(url, 'DB')).toBe(201);
    expect(vault.output.slice(0, 2)).toEqual([
      `vault listening on ${url}`,
      `a token to try it: VAULT_DATA_DIR=${folder} npm run -s token -- --tenant demo --sub you`,
    ]);
    expect(hasStore()).toBe(true);
    vault.child.kill('SIGINT');
    vault.child.kill('SIGINT');
    expect(await vault.exit).toBe(0);
    expect(vault.errors).toEqual([]);
    expect(hasStore()).toBe(false);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    expect(readdirSync(folder)).not.toContain('running.json');
  });

  it('stops in the middle of its start as well', async () => {
    const vault = start();
    while (!hasStore()) await new Promise((resolve) => setTimeout(resolve, 2));
    vault.child.kill('SIGTERM');
    expect(await vault.exit).toBe(0);
    expect(hasStore()).toBe(false);
  });

  it('refuses keys that the functions refuse, in one sentence, with nothing left running', async () => {
    const vault = start({ AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a', AUTH_JWKS: '{"keys":[]}' });
    expect(await vault.exit).toBe(1);
    expect(vault.errors).toEqual(['the functions cannot start: the key set holds no keys']);
    expect(hasStore()).toBe(false);
  });

  it.each<[string, string | undefined, NodeJS.ProcessEnv, string]>([
    ['that is missing', undefined, {}, 'access.yaml cannot be read (ENOENT)'],
    ['that is faulty', 'issuers: []', {}, 'access.yaml: line 1: issuers is empty'],
    [
      'beside an issuer of variables',
      'issuers: [{ id: local, localKey: true }]',
      { AUTH_ISSUER: 'urn:i' },
      'the functions cannot start: AUTH_POLICY_FILE and AUTH_ISSUER are set together; set one',
    ],
  ])(
    'refuses an access policy %s, in one sentence, with nothing left running',
    async (_, text, variables, sentence) => {
      const file = join(folder, 'access.yaml');
      if (text !== undefined) writeFileSync(file, text);
      const vault = start({ AUTH_POLICY_FILE: file, ...variables });
      expect(await vault.exit).toBe(1);
      expect(vault.errors.map((line) => line.replace(file, 'access.yaml'))).toEqual([sentence]);
      expect(vault.output).toEqual([]);
      expect(hasStore()).toBe(false);
      expect(readdirSync(folder)).not.toContain('running.json');
    },
  );
});

describe('a running vault', () => {
  let url: string;

  beforeAll(async () => {
    makeFolder();
    url = await addressOf(start());
    await create(url, 'DB');
  });
  afterAll(removeFolder);

  it('appears in npm run inspect without a value, and is verified', async () => {
    const { code, output } = await command('inspect', '--verify', '--secret', 'DB');
    expect(code).toBe(0);
    expect(output[0]).toMatch(new RegExp(`^vault \\S+ in ${folder}, table vault, master key `));
    expect(output).toContain('TENANT#acme#SECRET#DB');
    expect(output).not.toContain('TENANT#acme#SECRET#OTHER');
    expect(output.at(-1)).toBe('verified the whole table: no violations');
    expect(output.join('\n')).not.toMatch(/hunter2|aHVudGVyMg|68756e74657232/);
  });

  it('makes npm run inspect exit with 1 for a name without a secret', async () => {
    const none = (of: string) => [`there is no secret NOPE of ${of} in the table`];
    const any = await command('inspect', '--secret', 'NOPE', '--verify');
    expect(any).toMatchObject({ code: 1, errors: none('any tenant') });
    expect(any.output.at(-1)).toBe('verified the whole table: no violations');
    const one = await command('inspect', '--secret', 'NOPE', '--tenant', 'acme', '--json');
    expect(one).toMatchObject({ code: 1, errors: none('tenant acme') });
    expect(JSON.parse(one.output.join('\n'))).toMatchObject({ items: [] });
  });

  it('shares its store with a vault that uses another KMS', async () => {
    const kmsFolder = freshFolder();
    const kms = await startKms({ folder: kmsFolder });
    const ownFolder = freshFolder();
    const environment = {
      VAULT_DATA_DIR: ownFolder,
      AWS_ENDPOINT_URL_DYNAMODB: readJson('running.json').dynamodbEndpoint,
      AWS_ENDPOINT_URL_KMS: kms.endpoint,
      AWS_ACCESS_KEY_ID: kms.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: kms.credentials.secretAccessKey,
      MASTER_KEY_ID: kms.keyArn,
      VAULT_ID: 'a-vault',
      TABLE_NAME: 'elsewhere',
    };
    const second = start(environment);
    await addressOf(second);
    const files = readdirSync(ownFolder);
    expect(files).not.toEqual(expect.arrayContaining(['kms.json']));
    expect(files).not.toEqual(expect.arrayContaining(['store.sqlite']));
    // A vault of that name, and not the one that runs on the folder.
    const named = { ...environment, VAULT_DATA_DIR: folder };
    const { output, exit } = runLocal('inspect', ['--verify', '--json'], named);
    expect(await exit).toBe(0);
    expect(JSON.parse(output.join('\n'))).toEqual({
      vault: 'a-vault',
      table: 'elsewhere',
      masterKeyId: kms.keyArn,
      items: [],
      violations: [],
    });
    const nameless = runLocal('inspect', [], { ...named, TABLE_NAME: '' });
    expect(await nameless.exit).toBe(1);
    expect(nameless.errors).toEqual([
      'TABLE_NAME and MASTER_KEY_ID must be set where both services are elsewhere',
    ]);
    await kms.close();
    for (const used of [kmsFolder, ownFolder]) rmSync(used, { recursive: true });
  });

  it('gets a changed row reported by npm run inspect, even after it has stopped', async () => {
    const store = new DynamoDBClient({
      endpoint: readJson('running.json').dynamodbEndpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    });
    for (const pk of ['TENANT#acme#SECRET#DB', 'X\u001b[2J\nno violations']) {
      await store.send(
        new UpdateItemCommand({
          TableName: 'vault',
          Key: { pk: { S: pk }, sk: { S: 'HEAD' } },
          UpdateExpression: 'SET createdBy = :mallory',
          ExpressionAttributeValues: { ':mallory': { S: 'mallory\u009b2J' } },
        }),
      );
    }
    store.destroy();
    const problem = 'does not open under its own identity';
    const running = await command('inspect', '--verify');
    expect(running.code).toBe(1);
    expect(running.output.slice(1)).toEqual([
      '',
      `TENANT#acme#SECRET#DB HEAD: ${problem}`,
      'X\\u{1b}[2J\\u{a}no violations HEAD: is no item of the vault',
      'verified the whole table: 2 violations',
    ]);
    const items = (await command('inspect')).output;
    expect(items).toContain('X\\u{1b}[2J\\u{a}no violations');
    expect(items).toContain('    createdBy: mallory\\u{9b}2J');
    for (const { child, exit } of started) {
      child.kill('SIGKILL');
      await exit;
    }
    const stopped = await command('inspect', '--verify', '--json', '--secret', 'DB');
    expect(stopped.code).toBe(1);
    expect(stopped.output.join('\n')).toContain('"createdBy": "mallory\\u009b2J"');
    expect(JSON.parse(stopped.output.join('\n'))).toMatchObject({
      items: [{ pk: 'TENANT#acme#SECRET#DB', version: 1, createdBy: 'mallory\u009b2J' }],
      violations: [{ pk: 'TENANT#acme#SECRET#DB', sk: 'HEAD', problem }, { sk: 'HEAD' }],
    });
    expect(hasStore()).toBe(false);
  });
});

describe('local/bin/key.ts and npm run inspect', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it('report a missing vault, and create none', async () => {
    expect(await command('inspect')).toEqual({
      code: 1,
      output: [],
      errors: [`there is no vault in the data folder ${folder}`],
    });
    expect(readdirSync(folder)).toEqual([]);
    // The folder waits for a restore.
    writeFileSync(join(folder, 'vault.json'), '{"id":"v"}');
    writeFileSync(join(folder, 'kms.json'), '{}');
    expect((await command('inspect')).errors).toEqual([
      `there is no vault in the data folder ${folder}`,
    ]);
    expect(readdirSync(folder).sort()).toEqual(['kms.json', 'vault.json']);
  });
});
