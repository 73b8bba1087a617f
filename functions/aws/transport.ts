/**
 * The parts of the AWS clients that every call passes through. They replace the clients' own, which
 * cost more (docs/performance.md): one attempt instead of retries, SHA-256 for the signer, and HTTP
 * over persistent connections.
 */

import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { Agent as HttpsAgent, request as requestSecurely } from 'node:https';
import type { Socket } from 'node:net';
import type { HttpHandler } from '@smithy/core/protocols';
import { HttpResponse } from '@smithy/core/transport';
import type { Checksum, ChecksumConstructor, RetryStrategy, SourceData } from '@smithy/types';
import { limits } from '../model/limits.ts';

/**
 * Makes a single attempt. The clients' own strategy prepares for retries before each call, which
 * costs an error with a stack even if no retry follows.
 */
export const once: RetryStrategy = { retry: (next, args) => next(args) };

const ended = () => new DOMException('the call was ended before its reply came', 'AbortError');
const notConnected = () => new DOMException('no connection was made in time', 'TimeoutError');

/** Aborts the request with `TimeoutError` if a new connection takes too long. */
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
 * The HTTP handler of a client, with only what DynamoDB and KMS need: complete bodies and no query
 * strings. The clients' own handler also supports streams and upgrades, and takes 50 % more
 * processor time. A call ends when its signal aborts, and an attempt to connect also after
 * `connectMs`.
 */
export const createHttpHandler = (connectMs: number): HttpHandler => {
  const kept = { keepAlive: true, maxSockets: limits.connectionsMax };
  const ways = {
    'http:': { send: request, agent: new HttpAgent(kept) },
    'https:': { send: requestSecurely, agent: new HttpsAgent(kept) },
  };

  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: ({ protocol, hostname, port, method, path, headers, body }, { abortSignal } = {}) =>
      new Promise((resolve, reject) => {
        if (abortSignal?.aborted) return reject(ended());
        const { send, agent } = ways[protocol === 'http:' ? 'http:' : 'https:'];
        // A URL has IPv6 addresses in brackets, which Node does not accept here.
        const host = hostname.replace(/^\[|\]$/g, '');
        const outgoing = send({ host, port, method, path, headers, agent });
        limitConnecting(outgoing, connectMs);
        if (abortSignal && 'addEventListener' in abortSignal) {
          // A destroyed request that is waiting for a connection emits no error until it has one,
          // so the call is rejected here.
          const end = () => {
            reject(ended());
            outgoing.destroy();
          };
          abortSignal.addEventListener('abort', end);
          outgoing.once('close', () => abortSignal.removeEventListener('abort', end));
        }
        outgoing.on('error', reject);
        // After an upgrade to another protocol Node hands over the connection, so without this
        // listener the call would never end.
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

const toBytes = (data: SourceData): Uint8Array => {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return new Uint8Array(data);
};

/**
 * `lastText` and `keys` cache, as key objects, the two keys that signing every call needs: the
 * secret access key and the day's signing key.
 */
let lastText: { readonly secret: string; readonly key: KeyObject } | undefined;
const keys = new WeakMap<object, KeyObject>();

const keyOf = (secret: SourceData): KeyObject => {
  if (typeof secret === 'string') {
    if (lastText?.secret !== secret) lastText = { secret, key: createSecretKey(toBytes(secret)) };
    return lastText.key;
  }
  const key = keys.get(secret) ?? createSecretKey(toBytes(secret));
  keys.set(secret, key);
  return key;
};

/**
 * Makes a SHA-256 hash or, if a secret is given, an HMAC. A plain function, because the AWS clients
 * call it with `new`.
 */
function Sha256Of(secret?: SourceData): Checksum {
  let parts: Uint8Array[] = [];
  return {
    update: (data) => void parts.push(toBytes(data)),
    digest: async () => {
      const data = Buffer.concat(parts);
      return secret === undefined
        ? hash('sha256', data, 'buffer')
        : createHmac('sha256', keyOf(secret)).update(data).digest();
    },
    reset: () => {
      parts = [];
    },
  };
}

/**
 * SHA-256 and HMAC for the signer, by Node's own functions. The clients' implementation creates an
 * object per hash, and passes keys as bytes, which costs Node 24 an internal exception each time.
 */
export const Sha256 = Sha256Of as unknown as ChecksumConstructor;
