/** Lets an AWS client reach a front of the same process, without a socket. */
import type { HttpHandler } from '@smithy/core/protocols';
import { HttpResponse } from '@smithy/core/transport';
import type { Front } from './front.ts';

/** The `requestHandler` of a DynamoDB client. A call that is aborted rejects at once; its effect stays unclear. */
export const createInProcessHandler = (front: Front): HttpHandler => ({
  metadata: { handlerProtocol: 'http/1.1' },
  handle: async ({ headers, body }, { abortSignal } = {}) => {
    const target = headers['x-amz-target'] ?? '';
    const answer = front(target.slice(target.indexOf('.') + 1), JSON.parse(textOf(body)));
    const { status, body: reply } = await orAborted(answer, abortSignal);
    return {
      response: new HttpResponse({
        statusCode: status,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: Buffer.from(JSON.stringify(reply)),
      }),
    };
  },
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
});

/** The client hands over text or bytes. */
const textOf = (body: unknown): string =>
  body instanceof Uint8Array
    ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
    : String(body);

const ended = () => new DOMException('the call was ended before its reply came', 'AbortError');

const orAborted = <Result>(
  work: Promise<Result>,
  signal: { readonly aborted: boolean } | undefined,
): Promise<Result> => {
  if (signal === undefined || !(signal instanceof AbortSignal)) return work;
  if (signal.aborted) return Promise.reject(ended());
  return new Promise((resolve, reject) => {
    const end = () => reject(ended());
    signal.addEventListener('abort', end);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
};
