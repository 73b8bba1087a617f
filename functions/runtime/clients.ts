/**
 * Settings of the AWS clients. A client makes one attempt per call, because only the vault knows the meaning
 * of a repeated write. Unneeded work around a call is left out, because it would be most of the cost
 * (docs/performance.md).
 */
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { type Answer, type Client, sendInProcess } from './in-process.ts';
import { createHttpHandler, once, Sha256 } from './transport.ts';

/** The names of the services in the clients. */
type Service = 'DynamoDB' | 'KMS';

const answers = new Map<string, Answer>();

/**
 * Lets this process answer the calls to a service. The functions make their clients when they are loaded, so this must
 * be called before.
 */
export const answerInProcess = (service: Service, answer: Answer): void => {
  answers.set(service, answer);
};

/** The options of one client. Its connections end with the client. */
export const clientOptions = () => ({
  retryStrategy: once,
  requestHandler: createHttpHandler(times.connectMs),
  sha256: Sha256,
});

/** Middleware that writes an unread log, or describes the client and the function in headers. */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

type ServiceClient = Client & {
  readonly config: { readonly serviceId: string };
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

/**
 * Removes unneeded middleware from a client and returns it; a service of this process is called without any. Must be
 * called before the client's first call.
 */
export const trimmed = <Made extends ServiceClient>(client: Made): Made => {
  const answer = answers.get(client.config.serviceId);
  if (answer) return sendInProcess(client, answer);
  for (const name of unneeded) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times per call, and V8 copies an object that was built step by step seven
  // times as slowly as one with a fixed shape.
  toFastProperties(client.config);
  return client;
};
