/**
 * `GET /health?ready` asks the host's store at most once a second, and logs only the first 503
 * after a 200.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createDynamodbItems } from '../../../../functions/dynamodb/dynamodb-items.ts';
import { getHealthRoute } from '../../../../functions/get-health.ts';
import type { HttpRequest } from '../../../../functions/http/messages.ts';
import { createReadiness } from '../../../../host/gateway/store-probe.ts';
import { storeOver } from '../../../support/embedded.ts';
import { requestOf } from '../../../support/events.ts';
import { createKeptLog, type KeptLog } from '../../../support/kept-log.ts';
import { checkReply } from '../../../support/openapi.ts';
import { untilSeen } from '../../../support/until.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

let kept: KeptLog;
beforeEach(() => {
  kept = createKeptLog();
});

/** The route of a vault whose store gives this answer. */
const hosted = (answer: () => Promise<object>) => {
  const clock = virtualClock();
  const asked: string[] = [];
  const client = {
    send: (command: object, { abortSignal }: { readonly abortSignal: AbortSignal }) =>
      new Promise((resolve, reject) => {
        abortSignal.addEventListener('abort', () => reject(new Error('aborted')));
        asked.push(command.constructor.name.replace(/Command$/, ''));
        answer().then(resolve, reject);
      }),
  } as unknown as DynamoDBClient;
  const store = storeOver(createDynamodbItems(client, 'vault'));
  const isReady = createReadiness({ store }, clock);
  const handle = getHealthRoute.serve({ clock, ...kept }, { isReady });
  const ask = async (query: HttpRequest['query'] = [['ready', '']]) => {
    const { status, headers, body } = await handle(
      { ...requestOf(), requestId: 'request-1', query },
      {},
    );
    const told = Object.entries(headers).map(([name, value]): [string, string] => [
      name.toLowerCase(),
      value,
    ]);
    expect(checkReply('get-health', status, new Map(told), body)).toEqual([]);
    return status;
  };
  return { ask, asked, clock };
};

const loggedStatuses = () => kept.lines().map(({ status }) => status);

const serves = async (): Promise<object> => ({ Table: {} });
const refuses = async (): Promise<object> => {
  throw Object.assign(new Error('unavailable'), { $metadata: { httpStatusCode: 503 } });
};

describe('get-health with ?ready', () => {
  it('logs only the first 503 after a 200', async () => {
    let answer = refuses;
    const { ask, clock } = hosted(() => answer());
    const told: unknown[][] = [];
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
  it.each<{ readonly query: HttpRequest['query'] }>([
    { query: [] },
    { query: [['READY', '']] },
    { query: [['x', 'ready']] },
  ])('answers 200, logs it, and does not ask the store: $query', async ({ query }) => {
    const { ask, asked } = hosted(refuses);
    expect([await ask(query), asked, loggedStatuses()]).toEqual([200, [], [200]]);
  });
});
