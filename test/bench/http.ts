/** A thin HTTP client: connections that are kept, and nothing that the load could wait for. */
import { Agent, request } from 'node:http';

export type Exchange = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
};
type Reply = { readonly status: number; readonly text: string };

/** Sends a client's request. Rejects if no whole reply comes. */
export type Send = (client: number, exchange: Exchange) => Promise<Reply>;

const silenceMs = 15_000;

const exchangeAt = (url: URL, agent: Agent, exchange: Exchange): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { method, path, headers, body = '' } = exchange;
    const outgoing = request({
      agent,
      method,
      path,
      host: url.hostname,
      port: url.port,
      timeout: silenceMs,
      headers: body === '' ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) },
    });
    outgoing.on('response', (incoming) => {
      incoming.setEncoding('utf8');
      let text = '';
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url.host} is silent`)));
    outgoing.end(body);
  });

/** Client 0 speaks with the first of the addresses, client 1 with the second, and so on around. */
export const createSend = (
  urls: readonly string[],
): { readonly send: Send; readonly close: () => void } => {
  const agent = new Agent({ keepAlive: true });
  const parsed = urls.map((url) => new URL(url));
  return {
    send: (client, exchange) => {
      const url = parsed[client % parsed.length];
      if (url === undefined) throw new Error('there is no address to send to');
      return exchangeAt(url, agent, exchange);
    },
    close: () => agent.destroy(),
  };
};
