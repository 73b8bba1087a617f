/**
 * An HTTP server with limits: no client can make it store more or wait longer than `bounds.ts`
 * allows. Requests on one connection are answered one at a time. If the connections, bodies or
 * replies of a port together exceed their limit, the one that has made the server wait longest is
 * given up: a request whose body is still arriving is refused, and in the other cases the
 * connection is closed.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type TlsOptions, Server as TlsServer } from 'node:tls';
import { type Bounds, type Budget, createBudget, type Holder } from './bounds.ts';
import {
  type BodyFault,
  type BodyResult,
  discardBody,
  isDeclaredTooLong,
  namesOneHost,
  readBody,
} from './request-body.ts';

/** Why something cannot be answered as a request. */
export type RequestFault =
  | 'malformed'
  | 'not one host'
  | 'headers too large'
  | 'too many headers'
  | 'too slow';

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Reads the body. Call it once. Rejects if the sender disconnects. */
  readonly readBody: (bytesMax: number) => Promise<BodyResult>;
  /**
   * Reads the rest of a refused body within limits and discards it, so that the sender gets to read
   * the answer.
   */
  readonly discardBody: () => Promise<void>;
  /** Must be called with the size of the reply before the reply is written. */
  readonly holdReply: (bytes: number) => void;
};

export type BoundedServerOptions = {
  readonly bounds: Bounds;
  /** Serves HTTPS with these options, which `tls.ts` creates. The default is HTTP. */
  readonly tls?: TlsOptions | undefined;
  /** Answers a request or destroys it. Must not reject. */
  readonly respond: (exchange: Exchange) => Promise<void>;
  /**
   * Returns the complete reply, as text, to something that is not a request. The connection is
   * closed afterwards. The default is a bare status.
   */
  readonly refuse?: (reason: RequestFault) => string;
};

/** The exchange that is being answered. `giveUp` stops reading its body. */
type Current = {
  readonly request: IncomingMessage;
  giveUp: ((why: BodyFault) => void) | undefined;
};

type Connection = {
  readonly socket: Socket;
  readonly holder: Holder;
  /**
   * Settles when every request that this connection has received so far is answered. The next
   * request waits for it, so that replies have the order of the requests.
   */
  turn: Promise<void>;
  waiting: number;
  current: Current | undefined;
  /** Set once no further request can be read from the connection; it says why. */
  broken: RequestFault | undefined;
};

type Budgets = { readonly bodies: Budget; readonly replies: Budget };

const reasonOf = ({ code }: { code?: string }): RequestFault => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'too slow';
  return code === 'HPE_HEADER_OVERFLOW' ? 'headers too large' : 'malformed';
};

const statuses = {
  malformed: 400,
  'not one host': 400,
  'too slow': 408,
  'headers too large': 431,
  'too many headers': 431,
} as const;
const bareRefusal = (reason: RequestFault): string =>
  `HTTP/1.1 ${statuses[reason]} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;

const faultOf = (request: IncomingMessage, bounds: Bounds): RequestFault | undefined => {
  if (request.rawHeaders.length > 2 * bounds.headersMax) return 'too many headers';
  return namesOneHost(request) ? undefined : 'not one host';
};

/**
 * Answers the next request. Settles when the client has read the reply, or the connection is
 * closed.
 */
const exchangeOne = async (
  { bounds, respond }: BoundedServerOptions,
  { bodies, replies }: Budgets,
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
  isAsking: boolean,
): Promise<void> => {
  const { socket, holder } = connection;
  const current: Current = { request, giveUp: undefined };
  connection.current = current;
  holder.renew();
  const destroy = () => void socket.destroy();
  const reply = replies.hold(destroy);
  const read = new Promise<void>((resolve) => response.once('close', resolve));
  let timer: NodeJS.Timeout | undefined;
  response.once('prefinish', () => {
    holder.renew();
    timer = setTimeout(destroy, bounds.replyMs);
  });
  let body: Holder | undefined;
  await respond({
    request,
    response,
    readBody: async (bytesMax) => {
      if (isAsking && !isDeclaredTooLong(request, bytesMax)) response.writeContinue();
      const giveUp = new Promise<BodyFault>((resolve) => {
        current.giveUp = resolve;
      });
      body = bodies.hold(() => current.giveUp?.('no room'));
      const bytes = await readBody(request, bytesMax, body.take, giveUp);
      body.pin();
      holder.pin();
      current.giveUp = undefined;
      if (typeof bytes === 'string') body.release();
      return bytes;
    },
    discardBody: async () => {
      if (connection.broken !== 'malformed') await discardBody(request);
    },
    holdReply: reply.take,
  });
  await read;
  clearTimeout(timer);
  body?.release();
  reply.release();
  holder.renew();
  connection.current = undefined;
};

/** Creates the server. It does not listen until `listen` is called. */
export const createBoundedServer = (options: BoundedServerOptions): Server => {
  const { bounds, refuse = bareRefusal, tls } = options;
  const connections = new WeakMap<Socket, Connection>();
  const open = createBudget(bounds.connectionsMax);
  const budgets = {
    bodies: createBudget(bounds.bodyBytesHeldMax),
    replies: createBudget(bounds.replyBytesHeldMax),
  };
  const httpOptions = {
    maxHeaderSize: bounds.headerBytesMax,
    requireHostHeader: false,
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    connectionsCheckingInterval: bounds.checkEveryMs,
    // Clients keep their connections open, so an idle one must not be closed just when it is used
    // again.
    keepAliveTimeout: bounds.idleMs,
  };
  const server = tls
    ? createTlsServer({ ...httpOptions, ...tls, handshakeTimeout: bounds.headersMs })
    : createServer(httpOptions);
  // Node is told to keep one header more than the limit allows, so that a request with too many
  // headers can be detected.
  server.maxHeadersCount = bounds.headersMax + 1;

  const hold = (socket: Socket): Holder => {
    const holder = open.hold(() => socket.destroy());
    socket.once('close', holder.release);
    holder.take(1);
    return holder;
  };
  const accept = (socket: Socket, holder: Holder): void => {
    const state = { turn: Promise.resolve(), waiting: 0, current: undefined, broken: undefined };
    connections.set(socket, { socket, holder, ...state });
  };
  if (tls) {
    // A connection counts from the beginning of its handshake. Its TLS socket is created later, and
    // has the same remote address and port, by which its holder is found.
    const holders = new Map<string, Holder>();
    const sockets = new Set<Socket>();
    const nameOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      holders.set(name, hold(socket));
      sockets.add(socket);
      socket.once('close', () => {
        holders.delete(name);
        sockets.delete(socket);
      });
    });
    server.on('secureConnection', (socket: Socket) => {
      const holder = holders.get(nameOf(socket));
      if (holder === undefined) socket.destroy();
      else accept(socket, holder);
    });
    // Node's own method does not close connections that are still in the TLS handshake.
    server.closeAllConnections = () => {
      for (const socket of sockets) socket.destroy();
    };
  } else {
    server.on('connection', (socket: Socket) => accept(socket, hold(socket)));
  }

  /**
   * Answers something that cannot be answered as a request, unless an answer has begun, and closes
   * the connection.
   */
  const endWith = (socket: Socket, reason: RequestFault | undefined): void => {
    if (socket.writable && reason !== undefined) socket.end(refuse(reason));
    else socket.end();
    setTimeout(() => socket.destroy(), bounds.lingerMs).unref();
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse, isAsking = false) => {
    const connection = connections.get(request.socket);
    if (connection === undefined || connection.waiting >= bounds.waitingRequestsMax) {
      return void request.socket.destroy();
    }
    connection.waiting += 1;
    const takeTurn = async (): Promise<void> => {
      const { socket, broken } = connection;
      const isLost = broken !== undefined && !request.complete;
      const fault = faultOf(request, bounds);
      // Whatever was sent after a refused request gets no answer.
      if (!socket.writable || isLost) return;
      if (fault !== undefined) {
        connection.broken ??= fault;
        endWith(socket, fault);
      } else {
        await exchangeOne(options, budgets, connection, request, response, isAsking);
      }
      connection.waiting -= 1;
    };
    connection.turn = connection.turn.then(takeTurn).catch(() => void request.socket.destroy());
  };
  server.on('request', (request, response) => onRequest(request, response));
  server.on('checkExpectation', (request, response) => onRequest(request, response));
  server.on('checkContinue', (request, response) => onRequest(request, response, true));

  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    const connection = connections.get(socket);
    if (connection === undefined || !socket.writable || error.code === 'ECONNRESET') {
      return void socket.destroy();
    }
    if (connection.broken !== undefined) return;
    const reason = reasonOf(error);
    connection.broken = reason;
    const { current } = connection;
    const isCurrents = current !== undefined && !current.request.complete;
    if (isCurrents && current.giveUp !== undefined) {
      return current.giveUp(reason === 'too slow' ? 'too slow' : 'malformed');
    }
    // Earlier requests are answered first.
    const answered = isCurrents ? Promise.resolve() : connection.turn;
    void answered.then(() => endWith(socket, isCurrents ? undefined : reason));
  });
  return server;
};

export type Listening = {
  readonly url: string;
  /** Refuses new connections, lets requests under way end for at most `graceMs`, then ends them. */
  readonly close: (graceMs?: number) => Promise<void>;
};

const untilListening = (server: Server, listenNow: (done: () => void) => void): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    listenNow(resolve);
  });

const closerOf =
  (server: Server): Listening['close'] =>
  (graceMs = 0) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });

/**
 * Lets the server listen; port 0 is any free one. Rejects with the system's error if the server
 * cannot listen.
 */
export const listen = async (server: Server, host: string, port: number): Promise<Listening> => {
  await untilListening(server, (done) => server.listen(port, host, done));
  const { port: listening } = server.address() as AddressInfo;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close: closerOf(server),
  };
};

/** Lets the server listen on a Unix socket at this path. Rejects as `listen` does. */
export const listenOnSocket = async (
  server: Server,
  path: string,
): Promise<Pick<Listening, 'close'>> => {
  await untilListening(server, (done) => server.listen(path, done));
  return { close: closerOf(server) };
};
