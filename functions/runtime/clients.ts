/**
 * Settings of the AWS clients. A client makes one attempt per call, because only the vault knows the meaning
 * of a repeated write. Unneeded work around a call is left out, because it would be most of the cost
 * (docs/performance.md).
 */
import type { HttpHandler } from '@smithy/core/protocols';
import type { HttpRequest, HttpResponse } from '@smithy/core/transport';
import type {
  ClientProtocol,
  HttpHandlerOptions,
  SerdeFunctions,
  StaticOperationSchema,
} from '@smithy/types';
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler, once, Sha256 } from './transport.ts';

/** The names of the services in the clients. */
type Service = 'DynamoDB' | 'KMS';

const transports = new Map<string, HttpHandler>();

/**
 * Sets a transport that answers the calls to a service inside this process, without socket, signature and credentials.
 * The functions make their clients when they are loaded, so this must be called before.
 */
export const useTransport = (service: Service, transport: HttpHandler): void => {
  transports.set(service, transport);
};

/** The options of one client. Its connections end with the client. */
export const clientOptions = (service: Service) => {
  const transport = transports.get(service);
  return {
    retryStrategy: once,
    requestHandler: transport ?? createHttpHandler(times.connectMs),
    sha256: Sha256,
  };
};

/** Middleware that writes an unread log, or describes the client and the function in headers. */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

type Client = {
  readonly config: {
    readonly serviceId: string;
    readonly protocol: ClientProtocol<HttpRequest, HttpResponse>;
  } & SerdeFunctions;
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

type Command = { readonly input: object; readonly schema: StaticOperationSchema };

/** A protocol requires an address, even if the transport has none. */
const endpoint = async () => ({ protocol: 'http:', hostname: 'in-process', path: '/' });

/**
 * Sends commands by the client's own protocol, without the middleware, which finds address and credentials, signs and
 * repeats, and costs about as much as the protocol.
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

/** Removes unneeded middleware from a client and returns it. Must be called before the client's first call. */
export const trimmed = <Made extends Client>(client: Made): Made => {
  for (const name of unneeded) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times per call, and V8 copies an object that was built step by step seven
  // times as slowly as one with a fixed shape.
  toFastProperties(client.config);
  const transport = transports.get(client.config.serviceId);
  if (transport !== undefined) Object.assign(client, { send: sendOver(client, transport) });
  return client;
};
