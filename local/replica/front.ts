/**
 * A node's front: DynamoDB's JSON protocol for any AWS client. A write goes into the log and is answered when this
 * node's own store has applied it; a read waits for a barrier and is answered by that store.
 */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBoundedServer, type Exchange } from '../bounded-server.ts';
import { bounds } from '../bounds.ts';
import { isForName, isFromPage } from '../web-pages.ts';
import { createAppender } from './appender.ts';
import type { Barrier } from './barrier.ts';
import type { Tables } from './batch.ts';
import { checkRequest, checkWrite, replicaTable, requestBytesMax } from './checks.ts';
import { isNotAppended, type Log } from './log.ts';
import type { RawReply, StoreClient } from './store.ts';
import { isWire, refuse, unavailable, unclear, type Wire, type WireReply } from './wire.ts';
import { createWrite, type Write, type WriteOperation, writeOperations } from './write.ts';

export type FrontOptions = {
  readonly port: number;
  readonly log: Pick<Log, 'append'>;
  /** Of the node's own store. */
  readonly tables: () => Tables;
  readonly barrier: Barrier;
  readonly store: StoreClient;
  /** Why nothing is served now, in a sentence; `undefined`: it is. May take a moment, if that helps. */
  readonly admit: () => Promise<string | undefined>;
  /** What `GET /status` answers. */
  readonly status: () => object;
};

export type Front = {
  readonly endpoint: string;
  /** To be called with every outcome, in order. */
  readonly settle: (write: Write, reply: WireReply) => void;
  readonly close: () => Promise<void>;
};

/** Before the functions' own limit for a call, 2.5 s. */
const answerWithinMs = 2_300;
const readOperations = new Set([
  'BatchGetItem',
  'DescribeTable',
  'GetItem',
  'ListTables',
  'Query',
  'Scan',
  'TransactGetItems',
]);
const isWrite = (operation: string): operation is WriteOperation =>
  writeOperations.some((served) => served === operation);

const parse = (text: string): Wire | undefined => {
  try {
    const body: unknown = JSON.parse(text);
    return isWire(body) ? body : undefined;
  } catch {
    return undefined;
  }
};

const withoutReplicaTable = (text: string): string => {
  const { TableNames: names, ...rest } = parse(text) ?? {};
  const shown = Array.isArray(names) ? names.filter((name) => name !== replicaTable) : names;
  return JSON.stringify({ TableNames: shown, ...rest });
};

/** Rejects unless `work` is done before the deadline, in the time of `performance.now()`. */
const before = async <Result>(deadline: number, work: Promise<Result>): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const late = new Error('there is no answer in time');
    timer = setTimeout(() => reject(late), Math.max(0, deadline - performance.now()));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
};

/** Serves on 127.0.0.1. */
export const startFront = async (options: FrontOptions): Promise<Front> => {
  const { log, tables, barrier, store, admit, status: tellStatus } = options;
  const append = createAppender(log, tables);
  const awaited = new Map<string, (reply: WireReply) => void>();

  const write = async (
    operation: WriteOperation,
    body: Wire,
    bytes: number,
    deadline: number,
  ): Promise<WireReply> => {
    const own = createWrite(operation, body);
    const outcome = new Promise<WireReply>((resolve) => awaited.set(own.id, resolve));
    try {
      const appended = append(own, bytes, () => awaited.has(own.id)).then(
        () => outcome,
        // It may be in the log all the same: only its outcome, or the time, tells.
        (error: unknown) => (isNotAppended(error) ? unavailable('the log is busy') : outcome),
      );
      return await before(deadline, appended);
    } catch {
      return unclear('it is not known whether this was written');
    } finally {
      awaited.delete(own.id);
    }
  };

  const read = async (operation: string, text: string, deadline: number): Promise<RawReply> => {
    try {
      const reply = await before(
        deadline,
        barrier().then(() => store.send(operation, text)),
      );
      if (operation !== 'ListTables' || reply.status !== 200) return reply;
      return { ...reply, text: withoutReplicaTable(reply.text) };
    } catch {
      return rawOf(unavailable('the last state cannot be told now'));
    }
  };

  const answer = async ({ request, readBody, discardBody }: Exchange): Promise<RawReply> => {
    if (isFromPage(request) || isForName(request)) {
      return rawOf(refuse('AccessDeniedException', 'a web page may not use this'));
    }
    if (request.method === 'GET' && request.url === '/status') {
      return { status: 200, text: JSON.stringify(tellStatus()) };
    }
    const sent = await readBody(requestBytesMax);
    // A refused body is read to its end, so that its sender reads the answer.
    if (typeof sent === 'string') await discardBody();
    const [, operation = ''] =
      /^DynamoDB_20120810\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? [];
    const isServed = isWrite(operation) || readOperations.has(operation);
    if (!isServed) return rawOf(refuse('UnknownOperationException', `${operation} is not served`));
    if (sent === 'no room' || sent === 'too slow') {
      return rawOf(unavailable(`the request was not read: ${sent}`));
    }
    if (typeof sent === 'string') {
      const sentence = `a request is at most ${requestBytesMax} bytes here`;
      return rawOf(refuse('ValidationException', sentence));
    }
    const text = sent.toString('utf8');
    const body = parse(text);
    if (body === undefined) {
      return rawOf(refuse('SerializationException', 'the body is no JSON object'));
    }
    const refused = checkRequest(body) ?? (isWrite(operation) && checkWrite(operation, body));
    if (refused) return rawOf(refused);
    const deadline = performance.now() + answerWithinMs;
    const closed = await admit();
    if (closed !== undefined) return rawOf(unavailable(closed));
    if (!isWrite(operation)) return await read(operation, text, deadline);
    return rawOf(await write(operation, body, Buffer.byteLength(text), deadline));
  };

  const respond = async (exchange: Exchange): Promise<void> => {
    const { request, response, holdReply } = exchange;
    const { status, text } = await answer(exchange).catch(() => rawOf(unclear('the front failed')));
    const length = Buffer.byteLength(text);
    holdReply(length);
    response.writeHead(status, {
      'Content-Type': 'application/x-amz-json-1.0',
      'Content-Length': length,
      'x-amzn-RequestId': randomUUID(),
      ...(!request.complete && { Connection: 'close' }),
    });
    response.end(text);
  };
  const server = createBoundedServer({ bounds, respond });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    settle: ({ id }, reply) => awaited.get(id)?.(reply),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const rawOf = ({ status, body }: WireReply): RawReply => ({ status, text: JSON.stringify(body) });

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
