/**
 * `GET /health?ready` asks the host's store at most once a second, and logs only the first 503
 * after a 200.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createDynamodbItems } from '../../../../functions/dynamodb/dynamodb-items.ts';
import type { Event } from '../../../../functions/http/requests.ts';
import { eventOf } from '../../../support/events.ts';
import { checkReply } from '../../../support/openapi.ts';
import { untilSeen } from '../../../support/until.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const kept = { ...process.env };
afterAll(() => {
  process.env = kept;
});

// A function reads its settings when it is loaded. Loading takes a second, so all tests share one
// loaded function.
process.env = { ...kept, VAULT_ID: 'v', TABLE_NAME: 'vault', MASTER_KEY_ID: 'k' };
const load = <Module>(path: string) => jest.requireActual<Module>(`../../../../${path}`);
const { useHome } = load<typeof import('../../../../functions/runtime/home.ts')>(
  'functions/runtime/home.ts',
);
const { startReadiness } = load<typeof import('../../../../host/gateway/store-probe.ts')>(
  'host/gateway/store-probe.ts',
);
let answerOf = async (_operation: string): Promise<object> => ({});
const client = {
  send: (command: object, { abortSignal }: { readonly abortSignal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      abortSignal.addEventListener('abort', () => reject(new Error('aborted')));
      answerOf(command.constructor.name.replace(/Command$/, '')).then(resolve, reject);
    }),
} as unknown as DynamoDBClient;
useHome({ itemsOf: createDynamodbItems(client, 'vault') });
const { storePorts } = load<typeof import('../../../../functions/runtime/store.ts')>(
  'functions/runtime/store.ts',
);
const { handler } =
  load<typeof import('../../../../functions/get-health.ts')>('functions/get-health.ts');

/** The function in a host whose store gives this answer. */
const hosted = (answer: () => Promise<object>) => {
  const clock = virtualClock();
  const asked: string[] = [];
  answerOf = async (operation) => {
    asked.push(operation);
    return await answer();
  };
  startReadiness(storePorts, clock);
  const ask = async (queryStringParameters: Event['queryStringParameters'] = { ready: '' }) => {
    const event = eventOf({ queryStringParameters });
    const { statusCode, headers, body } = await handler(event, { awsRequestId: 'request-1' });
    const told = Object.entries(headers ?? {}).map(([name, value]): [string, string] => [
      name.toLowerCase(),
      String(value),
    ]);
    expect(checkReply('get-health', statusCode, new Map(told), body)).toEqual([]);
    return statusCode;
  };
  return { ask, asked, clock };
};

let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (text: unknown) => lines.push(...String(text).split('\n')) > 0;
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation(keep);
  }
});
const loggedStatuses = (): number[] =>
  lines.flatMap((line) => (line.includes('"request"') ? [JSON.parse(line).status] : []));

const serves = async (): Promise<object> => ({ Table: {} });
const refuses = async (): Promise<object> => {
  throw Object.assign(new Error('unavailable'), { $metadata: { httpStatusCode: 503 } });
};

describe('get-health with ?ready', () => {
  // Must stay the first test: the vault must not have been ready before.
  it('logs only the first 503 after a 200', async () => {
    let answer = refuses;
    const { ask, clock } = hosted(() => answer());
    const told: number[][] = [];
    for (const next of [refuses, serves, serves, refuses, refuses, serves, refuses]) {
      answer = next;
      clock.advance(1_000);
      await ask();
      told.push(loggedStatuses());
    }
    expect(told).toEqual([[], [], [], [503], [503], [503], [503, 503]]);
  });

  it.each([
    ['200 while the store answers', serves, 200],
    ['503 while the store refuses', refuses, 503],
    ['503 while the store fails', () => Promise.reject(new Error('down')), 503],
  ] as const)('answers %s', async (_, answer, status) => {
    expect(await hosted(answer).ask()).toBe(status);
  });

  it('answers 503 if the store has not answered after one second', async () => {
    const { ask, clock, asked } = hosted(() => new Promise(() => undefined));
    const status = ask();
    await untilSeen(
      () => asked,
      ({ length }) => length > 0,
    );
    clock.advance(1_000);
    expect(await status).toBe(503);
  });

  it('asks the store at most once a second, whether the store answers or refuses', async () => {
    for (const answer of [serves, refuses]) {
      const { ask, asked, clock } = hosted(answer);
      const ready = answer === serves ? 200 : 503;
      expect(await Promise.all([ask(), ask()])).toEqual([ready, ready]);
      clock.advance(990);
      expect(await ask()).toBe(ready);
      expect(asked).toEqual(['DescribeTable']);
      clock.advance(10);
      expect(await ask()).toBe(ready);
      expect(asked).toEqual(['DescribeTable', 'DescribeTable']);
    }
  });
});

describe('get-health without ?ready', () => {
  it.each([null, { READY: '' }, { x: 'ready' }])(
    'answers 200, logs it, and does not ask the store: %j',
    async (query) => {
      const { ask, asked } = hosted(refuses);
      expect([await ask(query), asked, loggedStatuses()]).toEqual([200, [], [200]]);
    },
  );
});
