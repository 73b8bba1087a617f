/**
 * Settings of the AWS clients. A client makes a single attempt per call, because only the vault
 * knows what repeating a write means. Unneeded work around a call is removed, since it would be
 * most of the cost (docs/performance.md).
 */
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler, once, Sha256 } from './transport.ts';

/** The options of one client. Its connections are closed together with the client. */
export const clientOptions = () => ({
  retryStrategy: once,
  requestHandler: createHttpHandler(times.connectMs),
  sha256: Sha256,
});

/**
 * The names of AWS middleware that is removed: it writes a log nobody reads, or describes the
 * client and the function in headers.
 */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

type ServiceClient = {
  readonly config: object;
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

/**
 * Removes unneeded middleware from a client and returns the client. Must be called before its first
 * call.
 */
export const trimmed = <Made extends ServiceClient>(client: Made): Made => {
  for (const name of unneeded) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times per call. V8 copies an object that was built
  // step by step seven times slower than one with a fixed shape.
  toFastProperties(client.config);
  return client;
};
