/**
 * Sends one HTTP request exactly as written: headers may be repeated, the body may be any bytes,
 * and the path is not normalised. Node's `fetch` changes all three.
 */
import { Agent, request } from 'node:http';

export type RawRequest = {
  readonly method: string;
  readonly url: string;
  /** The target in the request line; the path of `url` is ignored. */
  readonly path: string;
  /** If the value is a list, the header is sent once for each entry. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Uint8Array | undefined;
  /** Breaks the connection when aborted. */
  readonly signal?: AbortSignal;
};
export type RawReply = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
};

const isLocal = process.env['TEST_BASE_URL'] === undefined;
/**
 * LocalStack closes a connection that was idle for five seconds, and does not say so in advance, so
 * a request that is sent on it at that moment is lost.
 */
const agent = new Agent({ keepAlive: isLocal, maxSockets: 64 });
/**
 * How many milliseconds to wait for a reply. With `TEST_BASE_URL`, the gateway may first have to
 * start many functions on a busy machine.
 */
const timeoutMs = isLocal ? 20_000 : 120_000;

/** Closes the connections that `exchange` keeps open. */
export const closeConnections = (): void => agent.destroy();

/**
 * Sends the request and returns the reply. Rejects if the connection breaks before the reply is
 * complete.
 */
export const exchange = (asked: RawRequest): Promise<RawReply> => {
  const { method, url, path, headers, body, signal } = asked;
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { agent, hostname, port, method, path, signal, timeout: timeoutMs };
    const sent = request({ ...options, headers: { ...length, ...headers } }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () => {
        const entries = Object.entries(reply.headersDistinct);
        resolve({
          status: reply.statusCode ?? 0,
          headers: new Map(entries.map(([name, values]) => [name, (values ?? []).join(', ')])),
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no reply in ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
};
