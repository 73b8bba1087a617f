/** Lets an AWS client reach a service of the same process, without a socket. */
import { randomUUID } from 'node:crypto';
import type { HttpHandler } from '@smithy/core/protocols';
import { HttpResponse } from '@smithy/core/transport';

/**
 * Answers one request; the operation has the form of `X-Amz-Target`. An absent body counts as empty. The function must
 * not reject.
 */
export type Answer = (
  operation: string,
  body: unknown,
) => Promise<{ readonly status: number; readonly body?: object | undefined }>;

/** Creates the `requestHandler` of a client. A call that is aborted rejects at once; its effect stays unknown. */
export const createTransport = (answer: Answer): HttpHandler => ({
  metadata: { handlerProtocol: 'http/1.1' },
  handle: async ({ headers, body }, { abortSignal } = {}) => {
    if (abortSignal?.aborted) throw ended();
    const target = headers['x-amz-target'] ?? '';
    const operation = target.slice(target.indexOf('.') + 1);
    const reply = await orAborted(answer(operation, JSON.parse(textOf(body))), abortSignal);
    const text = reply.body === undefined ? '' : JSON.stringify(reply.body);
    return {
      response: new HttpResponse({
        statusCode: reply.status,
        headers: { 'x-amzn-requestid': randomUUID() },
        body: Buffer.from(text),
      }),
    };
  },
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
});

/** The client gives the body as text or as bytes. */
const textOf = (body: unknown): string =>
  body instanceof Uint8Array
    ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
    : String(body);

const ended = () => new DOMException('the call was ended before its reply came', 'AbortError');

const orAborted = <Result>(work: Promise<Result>, signal: object | undefined): Promise<Result> => {
  if (!(signal instanceof AbortSignal)) return work;
  return new Promise((resolve, reject) => {
    const end = () => reject(ended());
    signal.addEventListener('abort', end);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
};
