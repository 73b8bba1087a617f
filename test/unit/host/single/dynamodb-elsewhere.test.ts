import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tableDefinition } from '../../../../functions/dynamodb/table-definition.ts';
import type { Table } from '../../../../functions/store/ports.ts';
import { openDynamodb } from '../../../../host/single/dynamodb-elsewhere.ts';
import { failure } from '../../../../system/failures.ts';
import { requestContext } from '../../../support/requests.ts';

const { KeySchema, GlobalSecondaryIndexes } = tableDefinition.create;
const table = { TableStatus: 'ACTIVE', KeySchema, GlobalSecondaryIndexes };

/** What the store answers to each operation; to any other one, that it is not allowed. */
const answers: Readonly<Record<string, object>> = {
  DescribeTable: { Table: table },
  DescribeTimeToLive: { TimeToLiveDescription: { AttributeName: 'expiresAt' } },
};

let server: Server;
let endpoint: string;
let asked: { readonly operation: string; readonly key: string | undefined }[];
beforeEach(async () => {
  asked = [];
  server = createServer(({ headers }, response) => {
    const operation = String(headers['x-amz-target']).split('.')[1] ?? '';
    asked.push({ operation, key: /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1] });
    const answer = answers[operation];
    response.writeHead(answer ? 200 : 400, { 'Content-Type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(answer ?? { __type: 'AccessDeniedException', message: 'no' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const open = <Prepared>(prepare: (table: Table) => Promise<Prepared>, checksCredentials = false) =>
  openDynamodb({ endpoint, region: 'us-east-1', tableName: 'vault', checksCredentials }, prepare);

describe('a DynamoDB elsewhere', () => {
  it('is opened once its table exists and has been read', async () => {
    const opened = await open(async () => 'prepared');
    expect(opened.prepared).toBe('prepared');
    expect(asked.map(({ operation }) => operation)).toEqual([
      'DescribeTable',
      'DescribeTimeToLive',
    ]);
    await opened.table.itemsOf(requestContext()).probe();
    expect(asked.map(({ operation }) => operation).slice(2)).toEqual(['DescribeTable']);
    await opened.table.close();
  });

  it('gets a made-up access key, unless it checks the credentials of the user', async () => {
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = process.env;
    process.env['AWS_ACCESS_KEY_ID'] = 'OFTHEUSER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret';
    try {
      for (const [checks, key] of [
        [false, 'unchecked'],
        [true, 'OFTHEUSER'],
      ] as const) {
        asked = [];
        const { table: opened } = await open(async () => undefined, checks);
        await opened.itemsOf(requestContext()).probe();
        await opened.close();
        expect(new Set(asked.map((call) => call.key))).toEqual(new Set([key]));
      }
    } finally {
      for (const [name, value] of [
        ['AWS_ACCESS_KEY_ID', id],
        ['AWS_SECRET_ACCESS_KEY', secret],
      ] as const) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it('is refused with a sentence that names it if it does not let its table be read', async () => {
    const reading = open(async (held) => {
      for await (const page of held.pages()) expect(page).toEqual([]);
    });
    await expect(reading).rejects.toMatchObject({
      name: 'Failure',
      message: `the store at ${endpoint} cannot be used: no`,
    });
  });

  it('leaves the message of a failure as it is', async () => {
    const reading = open(() => Promise.reject(failure('put back a copy of the key')));
    await expect(reading).rejects.toThrow(/^put back a copy of the key$/);
  });
});
