import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, it } from '@jest/globals';
import { type Answer, sendInProcess } from '../../../functions/runtime/in-process.ts';

const tableOver = (answer: Answer) =>
  sendInProcess(new DynamoDBClient({ region: 'us-east-1' }), answer);
const get = new GetItemCommand({ TableName: 'vault', Key: { pk: { S: 'é' } } });

describe('a client of a service in this process', () => {
  it('hands over the operation and its input, with bytes in base64 and no absent property', async () => {
    const asked: unknown[] = [];
    const client = tableOver(async (...request) => {
      asked.push(request);
      return { status: 200, body: { ConsumedCapacity: {} } };
    });
    const shared = Buffer.from([0, 1, 2, 255, 0]);
    const Item = {
      pk: { S: 'é' },
      value: { B: shared.subarray(1, 4) },
      written: { L: [{ M: { name: { S: 'A' }, version: { N: '1' } } }] },
    };
    const input = { TableName: 'vault', Item, ConditionExpression: undefined };
    await client.send(new PutItemCommand(input));
    const sent = { TableName: 'vault', Item: { ...Item, value: { B: 'AQL/' } } };
    expect(asked).toStrictEqual([['PutItem', sent]]);
    expect(input.Item.value.B).toEqual(Buffer.from([1, 2, 255]));
  });

  it('returns the reply with bytes in place of base64, and leaves the reply of the service as it was', async () => {
    const item = {
      pk: { S: 'é' },
      B: { S: 'AQL/' },
      value: { B: 'AQL/' },
      list: { L: [{ B: 'AQ==' }] },
    };
    const client = tableOver(async () => ({ status: 200, body: { Item: item } }));
    const { Item } = await client.send(get);
    expect(Item).toStrictEqual({
      pk: { S: 'é' },
      B: { S: 'AQL/' },
      value: { B: new Uint8Array([1, 2, 255]) },
      list: { L: [{ B: new Uint8Array([1]) }] },
    });
    expect(item.value).toEqual({ B: 'AQL/' });
  });

  it('gives each call an id, refused or not', async () => {
    const ids = new Set<string>();
    for (const status of [200, 400]) {
      const client = tableOver(async () => ({ status, body: { Item: {} } }));
      const { $metadata } = await client.send(get).catch((error) => error);
      expect($metadata).toMatchObject({ httpStatusCode: status, requestId: expect.any(String) });
      ids.add($metadata.requestId);
    }
    expect(ids.size).toBe(2);
  });

  it('reads the data key and the blob of KMS as bytes', async () => {
    const body = { Plaintext: 'AQ==', CiphertextBlob: 'Ag==', KeyId: 'k' };
    const answer = async () => ({ status: 200, body });
    const client = sendInProcess(new KMSClient({ region: 'us-east-1' }), answer);
    const made = await client.send(new GenerateDataKeyCommand({ KeyId: 'k', KeySpec: 'AES_256' }));
    expect(made).toMatchObject({
      Plaintext: new Uint8Array([1]),
      CiphertextBlob: new Uint8Array([2]),
      KeyId: 'k',
    });
  });

  it('rejects with the class of the error that the service names, and its item', async () => {
    const client = tableOver(async () => ({
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'the item is there',
        Item: { pk: { S: 'a' }, value: { B: 'AQL/' } },
      },
    }));
    const error = await client.send(get).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({
      message: 'the item is there',
      Item: { pk: { S: 'a' }, value: { B: new Uint8Array([1, 2, 255]) } },
    });
  });

  it('rejects a call at once when its signal is aborted', async () => {
    const client = tableOver(() => new Promise(() => undefined));
    const controller = new AbortController();
    const call = client.send(get, { abortSignal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('calls the service for no call whose signal was aborted before', async () => {
    let calls = 0;
    const client = tableOver(async () => {
      calls += 1;
      return { status: 200, body: {} };
    });
    const call = client.send(get, { abortSignal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toBe(0);
  });
});
