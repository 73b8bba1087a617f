/**
 * Carries the requests of the AWS clients over HTTP connections that are kept. Bodies are whole both ways and no
 * request has a query: so are the calls of DynamoDB and KMS. The clients' own handler is made for streams and upgrades
 * as well, and takes half as much processor time again (docs/performance.md).
 */
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as requestSecurely } from 'node:https';
import type { Socket } from 'node:net';
import type { HttpHandler } from '@smithy/core/protocols';
import { HttpResponse } from '@smithy/core/transport';

/** To one service, as the clients' own handler has it. */
const connectionsMax = 50;

const ended = () => new DOMException('the call was ended before its reply came', 'AbortError');
const notConnected = () => new DOMException('no connection was made in time', 'TimeoutError');

/** Ends the request if a new connection is not made in time. */
const limitConnecting = (outgoing: ClientRequest, connectMs: number): void => {
  outgoing.once('socket', (socket: Socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => outgoing.destroy(notConnected()), connectMs);
    socket.once('connect', () => clearTimeout(timer));
    outgoing.once('close', () => clearTimeout(timer));
  });
};

const responseOf = ({ statusCode = 0, headers }: IncomingMessage, body: Uint8Array) =>
  new HttpResponse({
    statusCode,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(value)]),
    ),
    body,
  });

/**
 * For a client of DynamoDB or KMS. A call ends by its own signal; a new connection, also after `connectMs`. `tls` has
 * the certificates of a service that no public authority vouches for.
 */
export const createHttpHandler = (connectMs: number, tls: AgentOptions = {}): HttpHandler => {
  const kept = { keepAlive: true, maxSockets: connectionsMax };
  const ways = {
    'http:': { send: request, agent: new HttpAgent(kept) },
    'https:': { send: requestSecurely, agent: new HttpsAgent({ ...kept, ...tls }) },
  };

  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: ({ protocol, hostname, port, method, path, headers, body }, { abortSignal } = {}) =>
      new Promise((resolve, reject) => {
        if (abortSignal?.aborted) return reject(ended());
        const { send, agent } = ways[protocol === 'http:' ? 'http:' : 'https:'];
        // The address of a version 6 host stands in brackets in a URL, and without them here.
        const host = hostname.replace(/^\[|\]$/g, '');
        const outgoing = send({ host, port, method, path, headers, agent });
        limitConnecting(outgoing, connectMs);
        if (abortSignal && 'addEventListener' in abortSignal) {
          // A request that waits for a connection says nothing of its end until it has one.
          const end = () => {
            reject(ended());
            outgoing.destroy();
          };
          abortSignal.addEventListener('abort', end);
          outgoing.once('close', () => abortSignal.removeEventListener('abort', end));
        }
        outgoing.on('error', reject);
        // Nothing else would be told of it: Node takes the connection for one of another protocol.
        outgoing.once('upgrade', (_, socket: Socket) => {
          socket.destroy();
          reject(new Error('the reply leaves HTTP'));
        });
        outgoing.once('response', (incoming: IncomingMessage) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.once('error', reject);
          incoming.once('end', () =>
            resolve({ response: responseOf(incoming, Buffer.concat(chunks)) }),
          );
        });
        outgoing.end(body);
      }),
    destroy: () => {
      for (const { agent } of Object.values(ways)) agent.destroy();
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
};
