/**
 * One write as a client asked for it: how it stands in an entry of the log, how it becomes actions of a transaction, and
 * its outcome the reply that the client waits for.
 */
import { createHash, randomUUID } from 'node:crypto';
import { failure } from '../command.ts';
import {
  type Action,
  canonicalJson,
  errorName,
  isWire,
  type Reason,
  reasonsOf,
  refuse,
  type Wire,
  type WireReply,
} from './wire.ts';

export const writeOperations = [
  'CreateTable',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'TransactWriteItems',
] as const;
export type WriteOperation = (typeof writeOperations)[number];

export type Write = {
  /** Fresh for each request; by it the front knows its own writes again. */
  readonly id: string;
  readonly operation: WriteOperation;
  /** The request without its token. */
  readonly body: Wire;
  /** The client's token, and the digest of what it stands for: the same token with another request is a mistake. */
  readonly token?: { readonly value: string; readonly request: string };
};

/** Makes the write of a request. */
export const createWrite = (operation: WriteOperation, request: Wire): Write => {
  const { ClientRequestToken: value, ...body } = request;
  const write = { id: randomUUID(), operation, body };
  // A single write has no token on AWS: one that it carries means nothing.
  if (operation !== 'TransactWriteItems' || typeof value !== 'string') return write;
  const digest = createHash('sha256').update(canonicalJson(body)).digest('base64url');
  return { ...write, token: { value, request: digest } };
};

/** What stands in the log for writes that are appended together. */
export const encodeEntry = (writes: readonly Write[]): Buffer =>
  Buffer.from(JSON.stringify(writes));

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};

/** Throws a sentence if the bytes are no entry: nothing else is ever appended, and none can be left out. */
export const decodeEntry = (bytes: Buffer): readonly Write[] => {
  const writes = parse(bytes);
  if (Array.isArray(writes) && writes.length > 0 && writes.every(isWrite)) return writes;
  throw failure('the log holds what is no entry');
};

const isWrite = (write: unknown): write is Write =>
  isWire(write) && typeof write['id'] === 'string' && isWire(write['body']);

const verbs = { PutItem: 'Put', UpdateItem: 'Update', DeleteItem: 'Delete' } as const;

/** The parameters of single writes that a transaction asks for elsewhere, or not at all. */
const singleOnly = ['ReturnValues', 'ReturnConsumedCapacity', 'ReturnItemCollectionMetrics'];

/** The actions of a write, as one transaction takes them. */
export const actionsOf = ({ operation, body }: Write): readonly Action[] => {
  if (operation === 'CreateTable') return [];
  if (operation === 'TransactWriteItems') return body['TransactItems'] as readonly Action[];
  const parameters = Object.entries(body).filter(([name]) => !singleOnly.includes(name));
  return [{ [verbs[operation]]: Object.fromEntries(parameters) }];
};

/** Whether the reply needs the item as it was before, or is after. */
export const isReturning = ({ body }: Write): boolean =>
  body['ReturnValues'] === 'ALL_OLD' || body['ReturnValues'] === 'ALL_NEW';

/** Units as AWS counts them: a write is 1 a started KiB, in a transaction 2. Sizes are the request's own. */
const capacityOf = ({ operation, body }: Write, actions: readonly Action[]): Wire => {
  const asked = body['ReturnConsumedCapacity'];
  if (asked !== 'TOTAL' && asked !== 'INDEXES') return {};
  const units = new Map<string, number>();
  for (const part of actions.flatMap((action) => Object.values(action))) {
    const table = String(part['TableName']);
    const bytes = sizeOf(part['Item'] ?? part['Key']);
    const each = Math.ceil(bytes / 1024) * (operation === 'TransactWriteItems' ? 2 : 1);
    units.set(table, (units.get(table) ?? 0) + each);
  }
  const list = [...units].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits }));
  return { ConsumedCapacity: operation === 'TransactWriteItems' ? list : list[0] };
};

/** About the size of an item as DynamoDB counts it: names and values, binary as bytes. */
const sizeOf = (item: unknown): number => {
  if (!isWire(item)) return 1;
  return Object.entries(item).reduce(
    (sum, [name, typed]) => sum + name.length + lengthOf(typed),
    0,
  );
};

const lengthOf = (typed: unknown): number => {
  if (!isWire(typed)) return 1;
  const { B: binary, S: text, N: number } = typed;
  if (typeof binary === 'string') return Math.floor((binary.length * 3) / 4);
  if (typeof text === 'string') return Buffer.byteLength(text);
  if (typeof number === 'string') return Math.ceil(number.length / 2) + 1;
  return JSON.stringify(typed).length;
};

/** The reply to a write that was applied, with the `Attributes` that its `ReturnValues` asked for. */
export const appliedReply = (write: Write, returned: Wire = {}): WireReply => ({
  status: 200,
  body: {
    ...returned,
    ...capacityOf(write, actionsOf(write)),
  },
});

/**
 * The refusal of a write, from the store's answer to the transaction that it was in, with the reasons that are its
 * own. Single writes get the error that they would have had alone.
 */
export const refusedReply = (
  { operation }: Write,
  reply: WireReply,
  reasons: readonly Reason[],
): WireReply => {
  if (errorName(reply) !== 'TransactionCanceledException') return reply;
  if (operation === 'TransactWriteItems') return cancelled(reasons);
  const [{ Code: code = '', Message: message = '', Item: item } = {}] = reasons;
  const name = code === 'ValidationError' ? 'ValidationException' : `${code}Exception`;
  return refuse(name, message, item && { Item: item });
};

const cancelled = (reasons: readonly Reason[]): WireReply => {
  const codes = reasons.map(({ Code: code = 'None' }) => code).join(', ');
  const sentence = 'Transaction cancelled, please refer cancellation reasons for specific reasons';
  // DynamoDB spells this one `Message`; some clients read only that.
  return refuse('TransactionCanceledException', `${sentence} [${codes}]`, {
    Message: `${sentence} [${codes}]`,
    CancellationReasons: reasons,
  });
};

/** What became of a write, in a word that is the same on every node. */
export const outcomeCode = (reply: WireReply): string => {
  if (reply.status === 200) return 'applied';
  const codes = reasonsOf(reply).map(({ Code: code = 'None' }) => code);
  return [errorName(reply), ...codes].join(',');
};
