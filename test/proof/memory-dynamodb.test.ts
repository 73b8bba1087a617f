/** The store in memory answers every request as the embedded one does. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import type { Call, Exchange, Json, Reply } from '../support/adversary/wire.ts';
import { createMemoryStore } from '../support/memory-dynamodb.ts';
import { requestContext, someone } from '../support/requests.ts';
import { keyedWriters, readers, writers } from '../support/routes.ts';
import { openTable } from '../support/stored-items.ts';
import { useEmbedded } from '../support/use-embedded.ts';

/**
 * Fields that the two stores word differently, or that the vault does not use. For example, the
 * units by table add up to the total.
 */
const ownWords = new Set(['message', 'Message', 'TableName', 'Table']);

/** Returns the content of a reply or an item with its properties in a fixed order. */
const canonical = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .filter(([name]) => !ownWords.has(name))
    .map(([name, member]) => [
      name,
      name === '__type' ? String(member).split('#')[1] : canonical(member),
    ])
    // Leaves out empty objects, because one store may return an empty object where the other
    // returns none.
    .filter(([, member]) => JSON.stringify(member) !== '{}');
  return Object.fromEntries(members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
};
const told = ({ status, body }: Reply) => ({ status, ...(canonical(JSON.parse(body)) as object) });

const withInput = (call: Call, input: Json): Call => {
  const { 'content-length': _, ...headers } = call.headers;
  return { ...call, headers, input, body: JSON.stringify(input) };
};
const withMoment = (call: Call, now: string): Call => {
  const body = JSON.stringify(call.input).replace(/":now":\{"N":"\d+"\}/g, `":now":{"N":"${now}"}`);
  return withInput(call, JSON.parse(body));
};

/**
 * Returns variants of a query: for one item, backwards, continued from where it ended, and for its
 * last item alone.
 */
const queriesLike = (call: Call, reply: Reply): Call[] => {
  const { Items, LastEvaluatedKey } = JSON.parse(reply.body);
  const field = call.input['IndexName'] === undefined ? 'sk' : 'name';
  const last = Items.at(-1)?.[field];
  const values = call.input['ExpressionAttributeValues'] as Json;
  const alone = { ExpressionAttributeValues: { ...values, ':first': last, ':last': last } };
  const isBackwards = call.input['ScanIndexForward'] === false;
  return [
    { Limit: 1 },
    { ScanIndexForward: isBackwards },
    { ScanIndexForward: isBackwards, Limit: 1 },
    ...(Items.length > 0 ? [{ Limit: Items.length }, alone] : []),
    ...(LastEvaluatedKey ? [{ ExclusiveStartKey: LastEvaluatedKey }] : []),
  ].map((members) => withInput(call, { ...call.input, ...members }));
};

/** Returns variants of a batch: with one key fewer, and with a key that does not exist. */
const batchesLike = (call: Call): Call[] => {
  const [[table = '', asked] = []] = Object.entries(call.input['RequestItems'] as Json);
  const { Keys, ...how } = asked as { readonly Keys: readonly Json[] };
  const missing = { pk: { S: 'missing' }, sk: { S: 'HEAD' } };
  return [Keys.slice(1), [...Keys, missing]]
    .filter(({ length }) => length > 0)
    .map((keys) =>
      withInput(call, { ...call.input, RequestItems: { [table]: { ...how, Keys: keys } } }),
    );
};

type Actions = readonly Readonly<Record<string, Json>>[];
let tokens = 0;

/**
 * Returns a transaction again, and variants of it: without its first action, under another token,
 * at another time, and with other content in its last item and without the condition of that item.
 */
const transactionsLike = (call: Call, reply: Reply): Call[] => {
  const actions = call.input['TransactItems'] as Actions;
  const under = (members: Json): Call => {
    tokens += 1;
    return withInput(call, { ...call.input, ClientRequestToken: `token-${tokens}`, ...members });
  };
  const unguarded = actions.map((action, index) => {
    const {
      ConditionExpression: _,
      ReturnValuesOnConditionCheckFailure,
      ...put
    } = action['Put'] ?? {};
    if (index < actions.length - 1 || !action['Put']) return action;
    return { Put: { ...put, Item: { ...(put['Item'] as Json), changed: { S: 'changed' } } } };
  });
  const fewer = { ...call.input, TransactItems: actions.slice(1) };
  // After a transaction has succeeded, the conditions of its actions no longer hold. Its last
  // action, sent alone without the condition, would take effect.
  const isRefusedInPart = reply.status === 200 && actions.length > 1;
  return [
    call,
    ...(isRefusedInPart ? [withInput(call, fewer), under({ TransactItems: unguarded })] : []),
    under({}),
    withMoment(under({}), '9'),
    withMoment(under({}), '99999999999'),
  ];
};

/**
 * Returns calls that the vault would not make at this point. They change nothing, or both stores in
 * the same way.
 */
const callsLike = (call: Call, reply: Reply): Call[] => {
  if (call.operation === 'Query') return queriesLike(call, reply);
  if (call.operation === 'TransactWriteItems') return transactionsLike(call, reply);
  if (call.operation === 'BatchGetItem') return batchesLike(call);
  return call.operation === 'PutItem' ? [call, withMoment(call, '9')] : [];
};

const inOrder = (items: readonly object[]): string[] =>
  items.map((item) => JSON.stringify(canonical(item))).sort();

/**
 * The refusals that operations in this file may meet. Any other error means that the run itself has
 * failed.
 */
const refusals = new Set(['not_found', 'secret_exists', 'version_conflict']);

describe('the store in memory', () => {
  const vault = useEmbedded('dynamodb');
  const table = openTable(vault);
  let wired: Wired;
  beforeAll(async () => {
    wired = await wireUp(vault);
  });

  const cases = [...writers, ...readers].flatMap((operation) => {
    const keys = keyedWriters.includes(operation) ? [undefined, 'k'.repeat(20)] : [undefined];
    return keys.map((key) => ({ name: operation.name, key, operation }));
  });

  it.each(cases)('answers like the embedded store: $name with the key $key', async (of) => {
    const memory = createMemoryStore();
    // The answers of the two stores are compared only after the run: the vault would take an
    // assertion error inside an exchange for a fault of the store.
    const answers: { readonly embedded: unknown; readonly memory: unknown }[] = [];
    const ask = async (call: Call): Promise<Reply> => {
      const [reply, own] = await Promise.all([
        wired.forward(call),
        memory.exchange(call).catch((error) => ({ status: 0, body: JSON.stringify(`${error}`) })),
      ]);
      const asked = [call.operation, call.input];
      answers.push({ embedded: [...asked, told(reply)], memory: [...asked, told(own)] });
      return reply;
    };
    const both: Exchange = async (call) => {
      if (call.service === 'kms') return await wired.forward(call);
      const reply = await ask(call);
      for (const like of callsLike(call, reply)) await ask(like);
      return reply;
    };
    const ports = wired.portsBehind(both);
    const outcomes: string[] = [];
    const run = async (principal: Principal) => {
      const done = of.operation.run(of.key)(ports, requestContext(), principal);
      outcomes.push(
        await done.then(
          () => 'done',
          (error) => (error instanceof ApiError ? error.code : String(error)),
        ),
      );
    };
    // Run the operation for a tenant without secrets, then for a prepared one, and then again on
    // its own result.
    const [empty, principal] = [someone(), someone()];
    await run(empty);
    await of.operation.prepare(ports, principal);
    await run(principal);
    await run(principal);
    expect(outcomes.filter((code) => code !== 'done' && !refusals.has(code))).toEqual([]);
    expect(answers.map(({ memory: own }) => own)).toEqual(answers.map(({ embedded }) => embedded));
    expect(answers.length).toBeGreaterThan(2);
    const stored = await Promise.all([empty, principal].map(({ tenant }) => table.itemsOf(tenant)));
    expect(inOrder(memory.items())).toEqual(inOrder(stored.flat()));
  });
});
