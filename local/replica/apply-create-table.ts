/**
 * Applies a CreateTable. A store makes tables outside transactions, and not at once: a crash may leave one that the
 * replica has not noted yet, or a part of one, which takes no item. Only what is noted exists for clients; what is not
 * holds nothing, and is made anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEntry } from './batch.ts';
import {
  type Bookkeeping,
  movePosition,
  readPosition,
  strayed,
  writeTable,
} from './bookkeeping.ts';
import { nextDigest, type Position } from './digest.ts';
import type { StoreClient } from './store.ts';
import { errorName, isWire, refuse, type Wire, type WireReply } from './wire.ts';
import { outcomeCode, type Write } from './write.ts';

const retryMs = 100;

const keysOf = ({ KeySchema: schema }: Wire): readonly string[] =>
  Array.isArray(schema) ? schema.filter(isWire).map(({ AttributeName: name }) => String(name)) : [];

const createInStore = async (store: StoreClient, body: Wire): Promise<WireReply> => {
  const { TableName } = body;
  const create = () => store.call('CreateTable', body);
  let reply = await create();
  if (errorName(reply) === 'ResourceInUseException') {
    await store.call('UpdateTable', { TableName, DeletionProtectionEnabled: false });
    await store.call('DeleteTable', { TableName });
    reply = await create();
    if (errorName(reply) === 'ResourceInUseException') throw new Error('its rest is there still');
  }
  if (reply.status !== 200) return reply;
  for (;;) {
    const described = await store.call('DescribeTable', { TableName });
    if (described.status !== 200) throw new Error(JSON.stringify(described.body));
    const { Table: table } = described.body;
    if (isWire(table) && table['TableStatus'] === 'ACTIVE') {
      return { status: 200, body: { TableDescription: table } };
    }
    await sleep(retryMs);
  }
};

const decide = async (
  store: StoreClient,
  { tables }: Bookkeeping,
  body: Wire,
): Promise<WireReply> => {
  const table = String(body['TableName']);
  // SQLite holds two names that differ in case alone for one.
  if ([...tables.keys()].some((name) => name.toLowerCase() === table.toLowerCase())) {
    return refuse('ResourceInUseException', `Table already exists: ${table}`);
  }
  return await createInStore(store, body);
};

/**
 * Makes the table and moves the position; returns where it leads and the reply. Throws if the store gives no answer,
 * and may then be called again.
 */
export const applyCreateTable = async (
  store: StoreClient,
  bookkeeping: Bookkeeping,
  { revision, version }: LogEntry,
  { id, body }: Write,
): Promise<{ readonly position: Position; readonly reply: WireReply }> => {
  const from = bookkeeping.position;
  const table = String(body['TableName']);
  const keys = keysOf(body);
  const reply = await decide(store, bookkeeping, body);
  if (reply.status >= 500) throw new Error(JSON.stringify(reply.body));
  const digest = nextDigest(from.digest, revision, id, outcomeCode(reply));
  const position = { revision, version, digest };
  const noted = reply.status === 200 ? [writeTable(table, keys)] : [];
  const TransactItems = [...noted, movePosition(from, position)];
  const { status } = await store.call('TransactWriteItems', { TransactItems });
  if (status !== 200) {
    const at = await readPosition(store);
    if (at.revision === from.revision) throw new Error(`its position was refused (${status})`);
    if (at.digest !== digest) throw strayed(at, from);
  }
  if (reply.status === 200) bookkeeping.tables.set(table, keys);
  return { position, reply };
};
