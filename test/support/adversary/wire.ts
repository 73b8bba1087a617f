/**
 * Calls to DynamoDB and KMS at the level of HTTP: JSON bodies, with the operation in a header. The parts between a
 * client and its service share these types, so that the same adversary works in the process, behind the real AWS
 * clients, and as a proxy before any endpoint.
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
  /** Path, headers and body are as sent, because a service that checks signatures needs every byte. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type Reply = { readonly status: number; readonly body: string };

/** Sends a call to its service. Rejects like a broken connection; aborts when `signal` does. */
export type Exchange = (call: Call, signal?: AbortSignal) => Promise<Reply>;

/** The call in an HTTP request. */
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

/** Sends calls unchanged to the service at an endpoint. Does not abort, because a sent call cannot be recalled. */
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

/** Replaces the connection of an AWS client. The client itself stays unchanged. */
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

/** An error reply of a service. The client makes its exception class from the type. */
export const faultReply = (status: number, type: string, members: Json = {}): Reply => ({
  status,
  body: JSON.stringify({ __type: `vault.test#${type}`, message: type, ...members }),
});

/** A broken connection as Node reports it. */
export const brokenConnection = (code: 'ECONNRESET' | 'ECONNREFUSED'): Error =>
  Object.assign(new Error(code), { code });
