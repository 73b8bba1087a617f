/**
 * A thin HTTP client: connections that are kept, and nothing that the load could wait for. What it takes itself stands
 * between an answer and the next request of a client, and counts against whatever is measured through it; Node's own
 * takes twice as long.
 */
import { Buffer } from 'node:buffer';
import { type Dispatcher, Pool } from 'undici';

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

const exchangeBy = (pool: Pool, { method, path, headers, body }: Exchange): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    pool.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers: headers ?? {}, body: body ?? null },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_, statusCode) => {
          status = statusCode;
        },
        onResponseData: (_, chunk) => void chunks.push(chunk),
        onResponseEnd: () => resolve({ status, text: Buffer.concat(chunks).toString('utf8') }),
        onResponseError: (_, error) => reject(error),
      },
    );
  });

/** Client 0 speaks with the first of the addresses, client 1 with the second, and so on around. */
export const createSend = (
  urls: readonly string[],
): { readonly send: Send; readonly close: () => void } => {
  const limits = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
  const pools = urls.map((url) => new Pool(url, limits));
  return {
    send: (client, exchange) => {
      const pool = pools[client % pools.length];
      if (pool === undefined) throw new Error('there is no address to send to');
      return exchangeBy(pool, exchange);
    },
    close: () => {
      for (const pool of pools) void pool.destroy();
    },
  };
};
