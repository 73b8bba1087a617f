/**
 * Calls to DynamoDB and KMS at the level of HTTP: a JSON body, and the operation in a header.
 * Everything that stands between a client and its service uses these types. So the same adversary
 * works inside the process, behind the real AWS clients, and as a proxy in front of any endpoint.
 */
import { Readable } from 'node:stream';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { exchange as exchangeHttp } from '../raw-http.ts';

export type Json = Readonly<Record<string, unknown>>;
export type Call = {
  readonly service: 'store' | 'kms';
  /** For example `GetItem` or `Decrypt`. */
  readonly operation: string;
  readonly input: Json;
  /**
   * Path, headers and body are kept exactly as sent, because a service that checks signatures needs
   * every byte.
   */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type Reply = {
  readonly status: number;
  readonly body: string;
  /** Headers besides the media type. Only the proxy sends them. */
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * Sends a call to its service and returns the reply. It rejects if the connection breaks, and with
 * an `AbortError` if `signal` aborts.
 */
export type Exchange = (call: Call, signal?: AbortSignal) => Promise<Reply>;

/** Reads the call from an HTTP request. */
export const callOf = (path: string, headers: Call['headers'], body: string): Call => {
  const target = Object.entries(headers).find(([name]) => name.toLowerCase() === 'x-amz-target');
  const [service = '', operation = ''] = target?.[1].split('.') ?? [];
  return {
    service: service === 'TrentService' ? 'kms' : 'store',
    operation,
    input: JSON.parse(body),
    path,
    headers,
    body,
  };
};

/**
 * Sends calls unchanged to the service at an endpoint. Ignores the signal: a call that was sent
 * cannot be withdrawn.
 */
export const toEndpoint =
  (endpoint: string): Exchange =>
  async ({ path, headers, body }) => {
    const reply = await exchangeHttp({ method: 'POST', url: endpoint, path, headers, body });
    return { status: reply.status, body: reply.text };
  };

type RequestHandler = Extract<
  NonNullable<DynamoDBClientConfig['requestHandler']>,
  { handle: (...args: never[]) => unknown }
>;
type Handle = RequestHandler['handle'];
type SentRequest = { path: string; headers: Record<string, string>; body?: unknown };

/**
 * Returns a request handler for an AWS client that sends its calls through this exchange instead of
 * a connection. All else in the client stays real.
 */
export const handlerOver = (exchange: Exchange): RequestHandler => ({
  handle: async ({ path, headers, body }: SentRequest, options?: { abortSignal?: unknown }) => {
    const call = callOf(path, headers, new TextDecoder().decode(body as Uint8Array));
    const signal = options?.abortSignal as AbortSignal | undefined;
    const { status, ...reply } = await exchange(call, signal);
    return {
      response: {
        statusCode: status,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: Readable.from([Buffer.from(reply.body)]),
      },
    } as Awaited<ReturnType<Handle>>;
  },
  updateHttpClientConfig: () => {},
  httpHandlerConfigs: () => ({}),
});

/**
 * Returns an error reply of a service. From the type, the client chooses the class of its
 * exception.
 */
export const faultReply = (status: number, type: string, members: Json = {}): Reply => ({
  status,
  body: JSON.stringify({ __type: `vault.test#${type}`, message: type, ...members }),
});

/** Returns the error with which Node reports a broken connection. */
export const brokenConnection = (code: 'ECONNRESET' | 'ECONNREFUSED'): Error =>
  Object.assign(new Error(code), { code });
