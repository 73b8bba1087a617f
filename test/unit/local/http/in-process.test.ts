import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { type Answer, createTransport } from '../../../../local/http/in-process.ts';

const clientOver = (answer: Answer) =>
  new DynamoDBClient({
    region: 'us-east-1',
    endpoint: 'http://in-process',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: createTransport(answer),
  });
const get = new GetItemCommand({ TableName: 'vault', Key: { pk: { S: 'é' } } });

describe('a transport in process', () => {
  it('hands the operation and its parsed body to the service, and the reply to the client', async () => {
    const asked: unknown[] = [];
    const client = clientOver(async (...request) => {
      asked.push(request);
      return { status: 200, body: { Item: { pk: { S: 'é' }, value: { B: 'AQL/' } } } };
    });
    const { Item } = await client.send(get);
    expect(Item).toEqual({ pk: { S: 'é' }, value: { B: new Uint8Array([1, 2, 255]) } });
    expect(asked).toEqual([['GetItem', { TableName: 'vault', Key: { pk: { S: 'é' } } }]]);
  });

  it('rejects a call at once when its signal is aborted', async () => {
    const client = clientOver(() => new Promise(() => undefined));
    const controller = new AbortController();
    const call = client.send(get, { abortSignal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('asks the service nothing for a call whose signal was aborted before', async () => {
    let asked = 0;
    const client = clientOver(async () => {
      asked += 1;
      return { status: 200, body: {} };
    });
    const call = client.send(get, { abortSignal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked).toBe(0);
  });
});
