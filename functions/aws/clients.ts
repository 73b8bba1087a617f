/**
 * Settings of the AWS clients. A client makes a single attempt per call, because only the vault
 * knows what repeating a write means. This module removes the work that the SDK does around a call
 * and the vault does not need, since it would be most of a call's cost (docs/performance.md).
 */
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler, once, Sha256 } from './transport.ts';

/**
 * Makes the options of one client. Call it once per client, because a client that is destroyed also
 * closes the connections of its `requestHandler`.
 */
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
  // step by step seven times slower than one with a fixed shape, so this gives `config` a fixed
  // shape.
  toFastProperties(client.config);
  return client;
};
