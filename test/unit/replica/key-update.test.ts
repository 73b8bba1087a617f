import { describe, expect, it } from '@jest/globals';
import { judgeKeys } from '../../../local/replica/key-update.ts';
import { createWrite } from '../../../local/replica/write.ts';

const tables = new Map([['vault', ['pk', 'sk']]]);
const judged = (UpdateExpression: string, names: object, TableName = 'vault') => {
  const update = {
    TableName,
    Key: {},
    UpdateExpression,
    ExpressionAttributeNames: names,
  };
  const single = judgeKeys(tables, createWrite('UpdateItem', update));
  const TransactItems = [{ ConditionCheck: { TableName } }, { Update: update }];
  const whole = judgeKeys(tables, createWrite('TransactWriteItems', { TransactItems }));
  expect(whole).toEqual(single);
  return single?.reply.body['message'];
};

describe('an update', () => {
  it.each<[string, object]>([
    ['SET pk = :a', {}],
    ['set n = :a,sk=:b', {}],
    ['SET n = if_not_exists(m, list_append(:a, :b)), pk = :a', {}],
    ['REMOVE n, sk', {}],
    ['REMOVE pk.a', {}],
    ['REMOVE pk[0]', {}],
    ['ADD n :a DELETE m :b, pk :c', {}],
    ['SET n = :a REMOVE #a', { '#a': 'pk' }],
    ['SET #delete = :a', { '#delete': 'sk' }],
    ['SET n = :set, pk = :a', {}],
  ])('of a key is refused: %s', (expression, names) => {
    expect(judged(expression, names)).toMatch(/^One or more .* Cannot update attribute [ps]k\./);
  });

  it.each<[string, object]>([
    ['SET n = pk', {}],
    ['SET n = if_not_exists(sk, :pk), m = :sk', {}],
    ['ADD n :pk', {}],
    ['SET a.pk = :a', {}],
    ['SET pk2 = :a, spk = :b', {}],
    ['SET #pk = :a', { '#pk': 'n' }],
    ['SET #a.#pk = :a', { '#a': 'n', '#pk': 'pk' }],
    ['nonsense ((,', {}],
  ])('of anything else is left to the store: %s', (expression, names) => {
    expect(judged(expression, names)).toBeUndefined();
  });

  it('of a table that is not known is left to the store', () => {
    expect(judged('SET pk = :a', {}, 'nowhere')).toBeUndefined();
  });
});
