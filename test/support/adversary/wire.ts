/**
 * Calls to DynamoDB and KMS as they go over the wire: JSON over HTTP, the operation in a header. What
 * stands between a client and its service takes and gives these, so that the same adversary serves in
 * process, behind the real AWS clients, and as a proxy before any endpoint.
 */
import { Readable } from 'node:stream';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { exchange as exchangeHttp } from '../raw-http.ts';

export type Json = Readonly<Record<string, unknown>>;
export type Call = {
  readonly service: 'store' | 'kms';
  /** `GetItem`, `Decrypt` … */
  readonly operation: string;
  readonly input: Json;
  /** As sent: a service that checks signatures needs every byte. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type Reply = { readonly status: number; readonly body: string };

/** Takes a call to its service. Rejects as a connection does; aborts when `signal` does. */
export type Exchange = (call: Call, signal?: AbortSignal) => Promise<Reply>;

/** The call that an HTTP request makes. */
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

/** Takes calls to the service at an endpoint, unchanged. Does not abort: what was sent was sent. */
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
type Sent = { path: string; headers: Record<string, string>; body?: unknown };

/** What an AWS client takes in place of its connection: the client itself stays as it is. */
export const handlerOver = (exchange: Exchange): RequestHandler => ({
  handle: async ({ path, headers, body }: Sent, options?: { abortSignal?: unknown }) => {
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

/** A fault as the services tell it; the client makes its exception class of the type. */
export const faultReply = (status: number, type: string, members: Json = {}): Reply => ({
  status,
  body: JSON.stringify({ __type: `vault.test#${type}`, message: type, ...members }),
});

/** A connection that breaks, as Node reports it. */
export const brokenConnection = (code: 'ECONNRESET' | 'ECONNREFUSED'): Error =>
  Object.assign(new Error(code), { code });
