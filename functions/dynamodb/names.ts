/**
 * The list of names: one key-range query of the index for each pattern of the token, so that no hidden name
 * is read. The index may lag behind the table, and it decides nothing.
 */
import { BatchGetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { type HeadDetails, isSecretName } from '../model/types.ts';
import type { NameRange, Store } from '../vault/ports.ts';
import { startBackoff, throttled } from '../vault/retries.ts';
import { ownerOf, read, type Table } from './calls.ts';
import {
  decodeDetails,
  detailAttributes,
  headSortKey,
  indexName,
  indexPartition,
  secretPartition,
} from './items.ts';

/**
 * Names are ASCII without `~`, so all names that begin with a text lie between that text and the text with
 * `~` behind it. The embedded store ignores case in `begins_with` (docs/decisions.md).
 */
const firstName = 'A';
const afterNames = '~';

/** All names that begin with `text`, or exactly that name. */
type KeyRange = { readonly text: string; readonly exact: boolean };

export const listNames = async (
  table: Table,
  { state, prefix, after, limit }: NameRange,
): ReturnType<Store['listNames']> => {
  const names: string[] = [];
  const ranges = rangesOf(table.principal.names ?? ['*'], prefix).filter((range) =>
    reachesBeyond(range, after),
  );
  for (const [index, range] of ranges.entries()) {
    let from = after?.startsWith(range.text) ? after : undefined;
    do {
      const page = await queryNames(table, state, range, from, limit - names.length);
      names.push(...page.names);
      from = page.more ? page.names.at(-1) : undefined;
    } while (from !== undefined && names.length < limit);
    if (names.length >= limit) {
      return { names, more: from !== undefined || index < ranges.length - 1 };
    }
  }
  return { names, more: false };
};

const queryNames = async (
  table: Table,
  state: NameRange['state'],
  range: KeyRange,
  from: string | undefined,
  limit: number,
): ReturnType<Store['listNames']> => {
  const { tenant } = table.principal;
  const command = new QueryCommand({
    TableName: table.tableName,
    IndexName: indexName,
    KeyConditionExpression: 'tenant = :tenant AND #name BETWEEN :first AND :last',
    ExpressionAttributeNames: { '#name': 'name' },
    ExpressionAttributeValues: {
      ':tenant': { S: indexPartition(tenant, state) },
      // The start key has the end of the last page too, but an embedded store walks there from the bound.
      ':first': { S: from ?? (range.text || firstName) },
      ':last': { S: range.exact ? range.text : `${range.text}${afterNames}` },
    },
    ...(from !== undefined && { ExclusiveStartKey: startKey(tenant, state, from) }),
    Limit: limit,
    ReturnConsumedCapacity: 'TOTAL',
  });
  const { Items = [], LastEvaluatedKey } = await read(table, 'Query', command);
  const names = Items.map((item) => {
    const name = item['name']?.S;
    if (name === undefined || !isSecretName(name) || !isIn(range, name)) {
      throw new VaultError('integrity_failure', 'the index returned an entry outside the query');
    }
    return name;
  });
  return { names, more: LastEvaluatedKey !== undefined };
};

/** The start key of a page is built from the principal and a checked name, never taken from the caller. */
const startKey = (tenant: string, state: NameRange['state'], name: string) => ({
  pk: { S: secretPartition(tenant, name) },
  sk: { S: headSortKey },
  tenant: { S: indexPartition(tenant, state) },
  name: { S: name },
});

/** The disjoint, ascending ranges of the names that a pattern allows and that begin with `prefix`. */
export const rangesOf = (patterns: readonly string[], prefix: NameRange['prefix']): KeyRange[] => {
  const asked = patterns.flatMap((pattern): KeyRange[] => {
    const exact = !pattern.endsWith('*');
    const text = exact ? pattern : pattern.slice(0, -1);
    if (text.startsWith(prefix)) return [{ text, exact }];
    return !exact && prefix.startsWith(text) ? [{ text: prefix, exact: false }] : [];
  });
  asked.sort((a, b) =>
    a.text === b.text ? Number(a.exact) - Number(b.exact) : a.text < b.text ? -1 : 1,
  );
  const disjoint: KeyRange[] = [];
  for (const range of asked) {
    const last = disjoint.at(-1);
    const covered =
      last && (last.exact ? last.text === range.text : range.text.startsWith(last.text));
    if (!covered) disjoint.push(range);
  }
  return disjoint;
};

const isIn = ({ text, exact }: KeyRange, name: string): boolean =>
  exact ? name === text : name.startsWith(text);

const reachesBeyond = ({ text, exact }: KeyRange, after: string | undefined): boolean =>
  after === undefined || text > after || (!exact && after.startsWith(text));

/**
 * The details of visible names, read consistently. A head that is gone from the table is left out. DynamoDB
 * may answer for a part of the keys only, so the rest is requested again.
 */
export const findDetails = async (
  table: Table,
  names: readonly string[],
): ReturnType<Store['findDetails']> => {
  const { tableName } = table;
  const { tenant } = table.principal;
  const nameOf = new Map(names.map((name) => [secretPartition(tenant, name), name]));
  const found = new Map<string, HeadDetails>();
  const backoff = startBackoff(table.context);
  let keys = [...nameOf.keys()].map((pk) => ({ pk: { S: pk }, sk: { S: headSortKey } }));
  while (keys.length > 0) {
    const command = new BatchGetItemCommand({
      RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true, ...projection } },
      ReturnConsumedCapacity: 'TOTAL',
    });
    const { Responses, UnprocessedKeys } = await read(table, 'BatchGetItem', command);
    for (const item of Responses?.[tableName] ?? []) {
      const name = nameOf.get(item['pk']?.S ?? '');
      if (name === undefined) {
        throw new VaultError('integrity_failure', 'the store returned an item of another name');
      }
      found.set(name, decodeDetails(item, ownerOf(table), name));
    }
    const rest = new Set(UnprocessedKeys?.[tableName]?.Keys?.map(({ pk }) => pk?.S));
    keys = keys.filter(({ pk }) => rest.has(pk.S));
    if (keys.length > 0 && !(await backoff())) throw throttled();
  }
  return found;
};

/** Words such as `name` and `state` are reserved, so that every attribute has a placeholder. */
const projection = {
  ProjectionExpression: detailAttributes.map((name) => `#${name}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(detailAttributes.map((name) => [`#${name}`, name])),
};
