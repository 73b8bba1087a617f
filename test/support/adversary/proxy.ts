/**
 * The adversary as an HTTP proxy in front of an endpoint of DynamoDB or KMS, for vaults in other
 * processes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mutualTls, type TlsFiles } from '../../../host/http/tls.ts';
import { aborted, type Pause } from './fates.ts';
import { callOf, type Exchange } from './wire.ts';

/** Waits in real time. */
export const realPause: Pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(aborted());
    });
  });

const respond = async (
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const callerGone = new AbortController();
  response.on('close', () => callerGone.abort());
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const call = callOf(request.url ?? '/', headers, Buffer.concat(chunks).toString('utf8'));
    const { status, body, headers: own } = await exchange(call, callerGone.signal);
    response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0', ...own }).end(body);
  } catch {
    // Whatever fails behind the proxy, the caller sees a broken connection.
    request.socket.destroy();
  }
};

type Where = {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsFiles | undefined;
};

/**
 * Starts the proxy, by default on loopback at any free port. With `tls` it accepts only the nodes
 * of a cluster.
 */
export const startProxy = async (
  exchange: Exchange,
  { host = '127.0.0.1', port: wanted = 0, tls }: Where = {},
): Promise<{ readonly endpoint: string; readonly close: () => Promise<void> }> => {
  const take = (request: IncomingMessage, response: ServerResponse) =>
    void respond(exchange, request, response);
  const options = { keepAliveTimeout: 60_000 };
  const server = tls
    ? createTlsServer({ ...options, ...mutualTls(tls) }, take)
    : createServer(options, take);
  await new Promise<void>((resolve) => {
    server.listen(wanted, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
