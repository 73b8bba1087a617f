/** The operations on tables. A table never changes once it is made, so each is read once. */
import * as v from 'valibot';
import { type Json, ok, type Reply, refusal, refuse } from './dynamodb-protocol.ts';
import type { Etcd } from './group-commit.ts';
import type { Request } from './parse-request.ts';
import { type Table, tableKey, tableShape } from './table-keys.ts';

/** Throws ResourceNotFoundException for a table that is not there. */
export type TableLookup = (name: string, deadline: number) => Promise<Table>;

export const createTableOperations = (etcd: Etcd, timeToLiveAttribute: string | undefined) => {
  const known = new Map<string, Table>();
  const get: TableLookup = async (name, deadline) => {
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

  return {
    get,

    create: async (request: Request<'CreateTable'>, deadline: number): Promise<Reply> => {
      const key = Buffer.from(tableKey(request.TableName));
      const table = {
        ...request,
        ...(timeToLiveAttribute && { TimeToLiveAttribute: timeToLiveAttribute }),
      };
      const value = Buffer.from(JSON.stringify(table));
      const { succeeded } = await etcd.write(
        {
          compare: [{ target: 'MOD', result: 'EQUAL', key, mod_revision: '0' }],
          success: [{ request_put: { key, value } }],
          failure: [],
        },
        deadline,
      );
      return succeeded
        ? ok({ TableDescription: descriptionOf(table) })
        : refuse('ResourceInUseException', `Table already exists: ${request.TableName}`);
    },

    describe: async ({ TableName }: Request<'DescribeTable'>, deadline: number): Promise<Reply> =>
      ok({ Table: descriptionOf(await get(TableName, deadline)) }),

    describeTimeToLive: async (
      { TableName }: Request<'DescribeTimeToLive'>,
      deadline: number,
    ): Promise<Reply> => {
      const { TimeToLiveAttribute: AttributeName } = await get(TableName, deadline);
      const TimeToLiveDescription = AttributeName
        ? { TimeToLiveStatus: 'ENABLED', AttributeName }
        : { TimeToLiveStatus: 'DISABLED' };
      return ok({ TimeToLiveDescription });
    },
  };
};

const descriptionOf = ({ BillingMode, TimeToLiveAttribute: _, ...table }: Table): Json => ({
  ...table,
  TableStatus: 'ACTIVE',
  BillingModeSummary: { BillingMode },
});
