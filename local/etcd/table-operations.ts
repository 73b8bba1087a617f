/** The operations on tables. A table never changes once it is made, so each is read once. */
import * as v from 'valibot';
import { type Json, ok, refusal, refuse } from './dynamodb-protocol.ts';
import { hasRevision } from './etcd-client.ts';
import type { Etcd } from './group-commit.ts';
import type { Operations } from './parse-request.ts';
import { type Table, tableKey, tableShape } from './table-keys.ts';

/** Throws ResourceNotFoundException for a table that is not there. */
export type TableLookup = (name: string, deadline: number) => Promise<Table>;

export const createTableLookup = (etcd: Etcd): TableLookup => {
  const known = new Map<string, Table>();
  return async (name, deadline) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const [reply] = await etcd.read([{ key: Buffer.from(tableKey(name)) }], deadline);
    const stored = reply?.kvs[0];
    if (stored === undefined) {
      const message = `Requested resource not found: Table: ${name} not found`;
      throw refusal(refuse('ResourceNotFoundException', message));
    }
    const table = v.parse(tableShape, JSON.parse(stored.value.toString('utf8')));
    known.set(name, table);
    return table;
  };
};

export const createTableOperations = (
  etcd: Etcd,
  getTable: TableLookup,
  timeToLiveAttribute: string | undefined,
): Pick<Operations, 'CreateTable' | 'DescribeTable' | 'DescribeTimeToLive'> => ({
  CreateTable: async (request, deadline) => {
    const key = Buffer.from(tableKey(request.TableName));
    const table = {
      ...request,
      ...(timeToLiveAttribute && { TimeToLiveAttribute: timeToLiveAttribute }),
    };
    const value = Buffer.from(JSON.stringify(table));
    const { succeeded } = await etcd.write(
      {
        compare: [hasRevision(key, '0')],
        success: [{ request_put: { key, value } }],
        failure: [],
      },
      deadline,
    );
    return succeeded
      ? ok({ TableDescription: descriptionOf(table) })
      : refuse('ResourceInUseException', `Table already exists: ${request.TableName}`);
  },

  DescribeTable: async ({ TableName }, deadline) =>
    ok({ Table: descriptionOf(await getTable(TableName, deadline)) }),

  DescribeTimeToLive: async ({ TableName }, deadline) => {
    const { TimeToLiveAttribute: AttributeName } = await getTable(TableName, deadline);
    const TimeToLiveDescription = AttributeName
      ? { TimeToLiveStatus: 'ENABLED', AttributeName }
      : { TimeToLiveStatus: 'DISABLED' };
    return ok({ TimeToLiveDescription });
  },
});

const descriptionOf = ({ BillingMode, TimeToLiveAttribute: _, ...table }: Table): Json => ({
  ...table,
  TableStatus: 'ACTIVE',
  BillingModeSummary: { BillingMode },
});
