import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deleteExpired } from '../../local/replica/expiry.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';

let vault: Embedded;
beforeAll(async () => {
  vault = await startEmbedded();
});
// The items of this file are no records of the vault's, so its table is not verified.
afterAll(async () => {
  vault.tampered.add('expiry');
  await vault.close();
});

const keyOf = (name: string) => ({
  pk: { S: `TENANT#expiry#${name}` },
  sk: { S: 'RECORD' },
});
const put = (name: string, expiresAt?: number) =>
  vault.dynamodb.send(
    new PutItemCommand({
      TableName: tableName,
      Item: {
        ...keyOf(name),
        ...(expiresAt !== undefined && { expiresAt: { N: String(expiresAt) } }),
      },
    }),
  );
const isThere = async (name: string): Promise<boolean> => {
  const { Item } = await vault.dynamodb.send(
    new GetItemCommand({ TableName: tableName, Key: keyOf(name) }),
  );
  return Item !== undefined;
};
const run = (client = vault.dynamodb) =>
  deleteExpired({ client, tableName, attribute: 'expiresAt', keys: ['pk', 'sk'] }, 1_000);

describe('expired items', () => {
  it('are deleted, and no others', async () => {
    await put('past', 999);
    await put('now', 1_000);
    await put('future', 2_000);
    await put('for ever');
    expect(await run()).toBe(1);
    expect(await Promise.all(['past', 'now', 'future', 'for ever'].map(isThere))).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('stay if they are written anew after they were seen', async () => {
    await put('renewed', 5);
    const send = vault.dynamodb.send.bind(vault.dynamodb);
    const client = Object.create(vault.dynamodb, {
      send: {
        value: async (command: Parameters<typeof send>[0]) => {
          const isDelete = command.constructor.name === 'DeleteItemCommand';
          if (isDelete) await put('renewed', 3_000);
          return await send(command);
        },
      },
    });
    expect(await run(client)).toBe(0);
    expect(await isThere('renewed')).toBe(true);
  });
});
