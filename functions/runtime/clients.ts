/**
 * How the AWS clients are made. One attempt a call, because only the vault knows what a repeated write means; and no
 * more around a call than it needs, because that is most of what a call costs (docs/performance.md).
 */
import type { HttpHandler } from '@smithy/core/protocols';
import type { HttpRequest, HttpResponse } from '@smithy/core/transport';
import type {
  ClientProtocol,
  HttpHandlerOptions,
  RetryStrategy,
  SerdeFunctions,
  StaticOperationSchema,
} from '@smithy/types';
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler } from './http-handler.ts';
import { Sha256 } from './sha256.ts';

/** As the clients call their services. */
type Service = 'DynamoDB' | 'KMS';

/** The clients' own strategy counts and prepares for repetitions, and makes an error with its stack, before each call. */
const once: RetryStrategy = { retry: (next, args) => next(args) };

const transports = new Map<string, HttpHandler>();

/**
 * Sets what answers the calls to a service in this process: no socket, no signature, no credentials. The functions make
 * their clients when they are loaded, so it must be called before.
 */
export const useTransport = (service: Service, transport: HttpHandler): void => {
  transports.set(service, transport);
};

/** For one client: its connections end with it. */
export const clientOptions = (service: Service) => {
  const transport = transports.get(service);
  return {
    retryStrategy: once,
    requestHandler: transport ?? createHttpHandler(times.connectMs),
    sha256: Sha256,
  };
};

/** What a client does for a log that nobody reads, and to tell of itself and of the function in headers. */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

type Client = {
  readonly config: {
    readonly serviceId: string;
    readonly protocol: ClientProtocol<HttpRequest, HttpResponse>;
  } & SerdeFunctions;
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

type Command = { readonly input: object; readonly schema: StaticOperationSchema };

/** A protocol asks for an address, even if there is none. */
const endpoint = async () => ({ protocol: 'http:', hostname: 'in-process', path: '/' });

/**
 * Sends commands by the client's own protocol alone. The middleware around it finds the address and the credentials,
 * signs and repeats, and costs about as much as the protocol.
 */
const sendOver = ({ config }: Client, transport: HttpHandler) => {
  const { protocol } = config;
  const context = { ...config, endpoint };
  return async ({ schema, input }: Command, options?: HttpHandlerOptions): Promise<object> => {
    const [, namespace, name, traits, inputSchema, outputSchema] = schema;
    const operation = { namespace, name, traits, input: inputSchema, output: outputSchema };
    const request = await protocol.serializeRequest(operation, input, context);
    const { response } = await transport.handle(request, options);
    return await protocol.deserializeResponse(operation, context, response);
  };
};

/** The same client, without what no call here needs. To be called before its first call. */
export const trimmed = <Made extends Client>(client: Made): Made => {
  for (const name of unneeded) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times a call, and V8 copies an object that was put together bit by bit
  // seven times as slowly as one with a fixed shape.
  toFastProperties(client.config);
  const transport = transports.get(client.config.serviceId);
  if (transport !== undefined) Object.assign(client, { send: sendOver(client, transport) });
  return client;
};
