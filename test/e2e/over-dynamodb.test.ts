/**
 * The whole vault over a DynamoDB that runs elsewhere on this machine, and the commands that reach
 * a table as on AWS.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { putItems } from '../../host/backup/table.ts';
import { ensureTable } from '../../host/single/ensure-table.ts';
import { startDynamodb, type TestDynamodb } from '../support/dynamodb.ts';
import { type KmsServer, startKms } from '../support/kms-server.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { requestContext } from '../support/requests.ts';
import {
  describeLocal,
  freshName,
  type RunningVault,
  startVault,
} from '../support/running-vault.ts';

describeLocal('npm start over DynamoDB', () => {
  let dynamodb: TestDynamodb;
  let vault: RunningVault;
  let kms: KmsServer;
  beforeAll(async () => {
    dynamodb = await startDynamodb();
    vault = await startVault(dynamodb.environment);
    kms = await startKms({ folder: vault.dataDir });
  });
  afterAll(async () => {
    await vault.stop();
    await kms.close();
    await dynamodb.close();
  });
  const { AWS_ENDPOINT_URL_DYNAMODB: _, ...none } = process.env;
  const run = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const ran = runLocal(program, args, { ...dynamodb.environment, ...env });
    return { code: await ran.exit, output: ran.output, errors: ran.errors };
  };

  it('keeps a secret in the table when it is killed, and makes no SQLite file in its folder', async () => {
    const name = await vault.create('one');
    expect((await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'two' })).status).toBe(200);
    await vault.kill9();
    await vault.restart();
    expect((await vault.ask('GET', `/v1/secrets/${name}`)).json).toMatchObject({ value: 'two' });
    expect(readdirSync(vault.dataDir).filter((file) => file.includes('sqlite'))).toEqual([]);
  });

  it('can be inspected with the variables that name DynamoDB and KMS', async () => {
    const named = {
      ...{ AWS_ENDPOINT_URL_KMS: kms.endpoint, MASTER_KEY_ID: kms.keyArn, TABLE_NAME: 'vault' },
      VAULT_DATA_DIR: freshFolder(),
    };
    const inspected = await run('inspect', ['--verify', '--json'], named);
    expect([inspected.code, inspected.errors]).toEqual([0, []]);
    expect(JSON.parse(inspected.output.join('\n'))).toMatchObject({
      ...{ vault: dynamodb.environment['VAULT_ID'], masterKeyId: kms.keyArn },
      ...{ violations: [] },
    });
    expect(await run('inspect', [], { ...named, TABLE_NAME: '' })).toMatchObject({
      code: 1,
      errors: ['TABLE_NAME and MASTER_KEY_ID must be set where both services are elsewhere'],
    });
  });

  it('cannot be backed up or restored with the commands of npm start', async () => {
    const file = join(freshFolder(), 'file');
    for (const [program, sentence] of [
      ['backup', /^AWS_ENDPOINT_URL_DYNAMODB names a store elsewhere/],
      ['restore', /^AWS_ENDPOINT_URL_DYNAMODB names a store elsewhere/],
    ] as const) {
      const refused = await run(program, [file], { VAULT_DATA_DIR: vault.dataDir });
      expect([refused.code, refused.errors.at(-1)]).toEqual([1, expect.stringMatching(sentence)]);
    }
    const beside = runLocal('backup', [file], { ...none, VAULT_DATA_DIR: vault.dataDir });
    expect([await beside.exit, beside.errors.at(-1)]).toEqual([
      1,
      expect.stringContaining('has its data in another store'),
    ]);
  });

  it('has a table that can be compared with a restored one, in which its destructions can be repeated', async () => {
    const [kept, gone] = [freshName('KEPT'), freshName('GONE')];
    for (const name of [kept, gone]) {
      await vault.create('one', name);
      await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'two' });
    }
    // This table stands for the one that a restore creates on AWS.
    await ensureTable(dynamodb.client, 'restored');
    const restored = createDynamodbTable(dynamodb.client, 'restored');
    for await (const page of createDynamodbTable(dynamodb.client, 'vault').pages()) {
      await putItems((guards) => restored.itemsOf(requestContext()).write(guards), page);
    }
    const destroyed = await vault.ask('DELETE', `/v1/secrets/${gone}/versions/1`);
    expect(destroyed.status).toBe(200);

    const preview = async (one: string, other: string) => {
      const { code, output } = await run('restore', [
        '--preview',
        '--table',
        one,
        '--table',
        other,
      ]);
      return [code, output.at(-1)];
    };
    expect(await preview('vault', 'restored')).toEqual([1, 'In all: 1 destroyed value.']);
    expect(await preview('restored', 'vault')).toEqual([1, 'In all: 1 changed version.']);
    const missing = await run('restore', ['--preview', '--table', 'vault', '--table', 'none']);
    expect([missing.code, missing.errors.at(-1)]).toEqual([
      2,
      expect.stringMatching(/^the table none cannot be read: /),
    ]);

    const redo = (table: string, id: string) => {
      const log = join(vault.dataDir, 'log');
      return run('restore', ['--redo-destroys', '--table', table, '--vault', id, log]);
    };
    const vaultId = dynamodb.environment['VAULT_ID'] ?? '';
    const ofAnother = await redo('restored', 'another');
    expect([ofAnother.code, ofAnother.output.at(-1)]).toEqual([
      1,
      expect.stringMatching(/^NOT destroyed, because its items are damaged or of another vault: /),
    ]);
    expect((await redo('restored', vaultId)).output).toContain('1 version destroyed again');
    expect(await redo('vault', vaultId)).toMatchObject({
      code: 0,
      output: [
        '0 versions destroyed again',
        '1 version destroyed already',
        '0 versions not in the backup',
      ],
    });
  });
});
