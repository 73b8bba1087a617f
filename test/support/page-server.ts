/** Serves web pages for tests, and forwards requests. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Listening } from './listening.ts';

const anyPort: Listening = { host: '127.0.0.1', port: 0 };

/** Lets the server listen, by default on any free port of 127.0.0.1, and returns the port. */
const listen = (server: Server, { host, port } = anyPort): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** Serves with `listener` while `work` runs, by default on a free port of 127.0.0.1. */
export const serveWhile = async <Result>(
  listener: RequestListener,
  work: (port: number) => Promise<Result>,
  at: Listening = anyPort,
): Promise<Result> => {
  const server = createServer(listener);
  const port = await listen(server, at);
  try {
    return await work(port);
  } finally {
    await close(server);
  }
};

export const html = (response: ServerResponse, body: string): void => {
  response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html>${body}`);
};

/**
 * Forwards a request with its headers unchanged, so that the service sees the host and origin of
 * the page.
 */
export const hand = (
  request: IncomingMessage,
  response: ServerResponse,
  { host, port }: Listening,
): void => {
  const { method, url: path, rawHeaders } = request;
  const onward = send({ host, port, method, path, headers: rawHeaders, setHost: false });
  onward.once('error', () => response.destroy());
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  request.pipe(onward);
};
