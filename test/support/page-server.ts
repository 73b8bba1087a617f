/** Servers of web pages for tests, and what they pass on. */
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

/** Listens on a free port of 127.0.0.1, unless told otherwise. Returns the port. */
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

/** Serves with `listener` while `work` runs, on a free port of 127.0.0.1 unless told otherwise. */
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

/** Forwards a request unchanged, so that the service sees the page's own host and origin. */
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
