/**
 * A minimal HTTP client that keeps its connections. The time that it needs between an answer and
 * the next request counts against whatever is measured; Node's own client takes twice as long.
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

/** Sends a client's request. Rejects if no complete reply arrives. */
export type Sender = (client: number, exchange: Exchange) => Promise<Reply>;

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

/**
 * Returns a sender. Each client always uses the same address. The addresses are given to the
 * clients in turn.
 */
export const createSender = (urls: readonly string[]): Sender => {
  const limits = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
  const pools = urls.map((url) => new Pool(url, limits));
  return (client, exchange) => {
    const pool = pools[client % pools.length];
    if (pool === undefined) throw new Error('there is no address to send to');
    return exchangeBy(pool, exchange);
  };
};
