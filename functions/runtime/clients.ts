/**
 * How the AWS clients are made. One attempt a call, because only the vault knows what a repeated write means; and no
 * more around a call than it needs, because that is most of what a call costs (docs/performance.md).
 */
import type { HttpHandler } from '@smithy/core/protocols';
import type { RetryStrategy } from '@smithy/types';
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler } from './http-handler.ts';
import { Sha256 } from './sha256.ts';

/** As the clients call their services. */
type Service = 'DynamoDB' | 'KMS';

/** The clients' own strategy counts and prepares for repetitions, and makes an error with its stack, before each call. */
const once: RetryStrategy = { retry: (next, args) => next(args) };

/** A client looks for credentials before each call, even if it signs nothing. */
const noCredentials = { accessKeyId: '', secretAccessKey: '' };

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
    ...(transport && { endpoint: 'http://in-process', credentials: noCredentials }),
  };
};

/** What a client does for a log that nobody reads, and to tell of itself and of the function in headers. */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

/** What a client does for the network: signatures, repetitions and headers. */
const unneededInProcess = [
  'httpAuthSchemeMiddleware',
  'httpSigningMiddleware',
  'retryMiddleware',
  'contentLengthMiddleware',
  'hostHeaderMiddleware',
];

type Client = {
  readonly config: { readonly serviceId: string };
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

/** The same client, without what no call here needs. To be called before its first call. */
export const trimmed = <Made extends Client>(client: Made): Made => {
  const isInProcess = transports.has(client.config.serviceId);
  const removed = isInProcess ? [...unneeded, ...unneededInProcess] : unneeded;
  for (const name of removed) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times a call, and V8 copies an object that was put together bit by bit
  // seven times as slowly as one with a fixed shape.
  toFastProperties(client.config);
  return client;
};
