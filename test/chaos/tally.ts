/**
 * What any DynamoDB client is promised of a repeated `ClientRequestToken`, asked of the fronts themselves: the vault's
 * functions never send a token twice. Each mark is one item that a transaction adds 1 to; it is sent again while it is
 * unclear, and at times when it is not. In the end no mark may be there twice, nor be missing if it was acknowledged.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createExchange, type Exchange } from './exchange.ts';
import { createRandom, type Random } from './random.ts';

const table = 'tally';
const writers = 3;
const repeatsMax = 20;
const patienceMs = 4_000;

type Reply = { readonly status: number; readonly type: string; readonly body: string };
type Call = (front: string, operation: string, body: object) => Promise<Reply | undefined>;

const callWith =
  (exchange: Exchange): Call =>
  async (front, operation, body) => {
    const headers = { 'X-Amz-Target': `DynamoDB_20120810.${operation}` };
    const sent = { method: 'POST', path: '/', headers, body };
    const answer = await exchange(front, sent, patienceMs);
    if (answer.kind !== 'reply') return undefined;
    const { __type: type = '' } = JSON.parse(answer.text) as { __type?: string };
    return { status: answer.status, type, body: answer.text };
  };

const transaction = (mark: string, token: string, amount = 1) => ({
  ClientRequestToken: token,
  TransactItems: [
    {
      Update: {
        TableName: table,
        Key: { mark: { S: mark } },
        UpdateExpression: 'ADD made :amount',
        ExpressionAttributeValues: { ':amount': { N: String(amount) } },
      },
    },
  ],
});

export type Tally = {
  readonly marks: () => number;
  /** Settles when no more marks are made. */
  readonly ended: Promise<void>;
  /** What is wrong with the marks, read through the front at `url`; empty if nothing is. */
  readonly check: (url: string) => Promise<readonly string[]>;
};

/** Needs the fronts at `urls`, whose nodes must serve now. */
export const startTally = (seed: number, urls: readonly string[], isOver: () => boolean): Tally => {
  const exchange = createExchange();
  const call = callWith(exchange);
  const outcomes = new Map<string, 'done' | 'unknown'>();
  const wrong: string[] = [];

  const makeTable = async (random: Random): Promise<void> => {
    const body = {
      TableName: table,
      AttributeDefinitions: [{ AttributeName: 'mark', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'mark', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    };
    for (let tries = 0; tries < repeatsMax; tries += 1) {
      const reply = await call(random.pick(urls), 'CreateTable', body);
      if (reply?.status === 200 || reply?.type.endsWith('#ResourceInUseException')) return;
      await sleep(200);
    }
    throw new Error('the table of marks cannot be made');
  };
  const repeatOnce = async (random: Random, mark: string, token: string): Promise<void> => {
    const isOther = random.chance(0.2);
    const sent = transaction(mark, token, isOther ? 2 : 1);
    const reply = await call(random.pick(urls), 'TransactWriteItems', sent);
    if (reply === undefined || reply.status >= 500) return;
    const isRefused = reply.type.endsWith('#IdempotentParameterMismatchException');
    if (isOther ? isRefused : reply.status === 200) return;
    wrong.push(
      `${mark} again${isOther ? ', as another request' : ''}: ${reply.body.slice(0, 200)}`,
    );
  };
  const makeMark = async (random: Random, mark: string): Promise<void> => {
    const token = randomUUID();
    outcomes.set(mark, 'unknown');
    for (let tries = 0; tries < repeatsMax; tries += 1) {
      const sent = transaction(mark, token);
      const reply = await call(random.pick(urls), 'TransactWriteItems', sent);
      if (reply?.status === 200) {
        outcomes.set(mark, 'done');
        if (random.chance(0.3)) await repeatOnce(random, mark, token);
        return;
      }
      if (reply !== undefined && reply.status < 500) {
        wrong.push(`${mark}: ${reply.body.slice(0, 200)}`);
        return;
      }
      if (isOver()) return;
      await sleep(50 + random.below(200));
    }
  };
  const run = async (writer: number): Promise<void> => {
    const random = createRandom(seed, `tally ${writer}`);
    for (let count = 0; !isOver(); count += 1) {
      await makeMark(random, `${writer}.${count}`);
      await sleep(100 + random.below(100));
    }
  };
  const check = async (url: string): Promise<readonly string[]> => {
    const made = await readMarks(call, url);
    exchange.close();
    const found = [...wrong];
    for (const [mark, outcome] of outcomes) {
      const times = made.get(mark) ?? 0;
      if (times > 1) found.push(`mark ${mark} was made once and counts ${times}`);
      if (times < 1 && outcome === 'done') found.push(`mark ${mark} was acknowledged and is lost`);
    }
    return found;
  };
  const ended = makeTable(createRandom(seed, 'tally')).then(async () => {
    await Promise.all(Array.from({ length: writers }, (_, writer) => run(writer)));
  });
  return { marks: () => outcomes.size, ended, check };
};

type Page = {
  readonly Items: readonly { readonly mark: { S: string }; readonly made: { N: string } }[];
  readonly LastEvaluatedKey?: object;
};

const readMarks = async (call: Call, url: string): Promise<ReadonlyMap<string, number>> => {
  const made = new Map<string, number>();
  let from: object | undefined;
  do {
    const body = {
      TableName: table,
      ConsistentRead: true,
      ...(from && { ExclusiveStartKey: from }),
    };
    const reply = await call(url, 'Scan', body);
    if (reply?.status !== 200) throw new Error(`the marks cannot be read: ${reply?.body}`);
    const page: Page = JSON.parse(reply.body);
    for (const { mark, made: count } of page.Items) made.set(mark.S, Number(count.N));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return made;
};
