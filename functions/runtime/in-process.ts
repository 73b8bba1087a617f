/**
 * Calls of an AWS client to a service in this process: inputs and outputs are handed over as objects. The client's own
 * protocol would write them as text and read them again, which costs as much as all the rest of a call.
 */
import { randomUUID } from 'node:crypto';
import { type HttpRequest, HttpResponse } from '@smithy/core/transport';
import type {
  ClientProtocol,
  HttpHandlerOptions,
  SerdeFunctions,
  StaticOperationSchema,
} from '@smithy/types';

/** What a service replies: the properties of its JSON protocol, with bytes in base64. */
type ServiceReply = {
  readonly status: number;
  readonly body?: object | undefined;
};

/**
 * Answers one operation of a service, whose input has the form of its JSON protocol. The answer may keep the input, and
 * must not reject.
 */
export type Answer = (operation: string, input: unknown) => Promise<ServiceReply>;

export type Client = {
  readonly config: {
    readonly protocol: ClientProtocol<HttpRequest, HttpResponse>;
  } & SerdeFunctions;
};

type Command = { readonly input: object; readonly schema: StaticOperationSchema };

/** The properties of DynamoDB and KMS that hold bytes. A name of another meaning never has a text as its value. */
const binary: ReadonlySet<string> = new Set(['B', 'CiphertextBlob', 'Plaintext']);

const mapProperties = (value: object, map: (value: unknown, name: string) => unknown): object => {
  const result: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(value)) {
    if (property !== undefined) result[name] = map(property, name);
  }
  return result;
};

/** A copy of an input as the JSON protocol has it. */
const encoded = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  return Array.isArray(value) ? value.map(encoded) : mapProperties(value, encoded);
};

/** A copy of a reply as the client's callers expect it: services share parts of their replies. */
const decoded = (value: unknown, name?: string): unknown => {
  if (typeof value === 'string') {
    return name !== undefined && binary.has(name) ? bytesOf(value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map((one) => decoded(one)) : mapProperties(value, decoded);
};

const bytesOf = (base64: string): Uint8Array => {
  const { buffer, byteOffset, byteLength } = Buffer.from(base64, 'base64');
  return new Uint8Array(buffer, byteOffset, byteLength);
};

const ended = () => new DOMException('the call was ended before its reply came', 'AbortError');

const orAborted = <Result>(work: Promise<Result>, signal: object | undefined): Promise<Result> => {
  if (!(signal instanceof AbortSignal)) return work;
  return new Promise((resolve, reject) => {
    const end = () => reject(ended());
    signal.addEventListener('abort', end);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
};

/**
 * Lets the client reach a service of this process alone, without address, credentials, signature and repetition, and
 * returns it. A call that is aborted rejects at once; its effect stays unknown. The client's own protocol reads
 * refusals, because callers tell them by the classes of its errors.
 */
export const sendInProcess = <Made extends Client>(client: Made, answer: Answer): Made => {
  const { protocol } = client.config;
  const send = async ({ schema, input }: Command, { abortSignal }: HttpHandlerOptions = {}) => {
    if (abortSignal?.aborted) throw ended();
    const [, namespace, name, traits, inputSchema, outputSchema] = schema;
    const { status, body } = await orAborted(answer(name, encoded(input)), abortSignal);
    const requestId = randomUUID();
    if (status === 200) {
      return {
        ...(decoded(body ?? {}) as object),
        $metadata: { httpStatusCode: status, requestId },
      };
    }
    const operation = { namespace, name, traits, input: inputSchema, output: outputSchema };
    const response = new HttpResponse({
      statusCode: status,
      headers: { 'x-amzn-requestid': requestId },
      body: Buffer.from(JSON.stringify(body)),
    });
    return await protocol.deserializeResponse(operation, client.config, response);
  };
  return Object.assign(client, { send });
};
