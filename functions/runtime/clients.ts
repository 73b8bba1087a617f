/**
 * How the AWS clients are made. One attempt a call, because only the vault knows what a repeated write means; and no
 * more around a call than it needs, because that is most of what a call costs (docs/performance.md).
 */
import type { RetryStrategy } from '@smithy/types';
import toFastProperties from 'to-fast-properties';
import { times } from '../model/limits.ts';
import { createHttpHandler } from './http-handler.ts';
import { Sha256 } from './sha256.ts';

/** The clients' own strategy counts and prepares for repetitions, and makes an error with its stack, before each call. */
const once: RetryStrategy = { retry: (next, args) => next(args) };

/** For one client: its connections end with it. */
export const clientOptions = () => ({
  retryStrategy: once,
  requestHandler: createHttpHandler(times.connectMs),
  sha256: Sha256,
});

/** What a client does for a log that nobody reads, and to tell of itself and of the function in headers. */
const unneeded = ['loggerMiddleware', 'getUserAgentMiddleware', 'recursionDetectionMiddleware'];

type Client = {
  readonly config: object;
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
};

/** The same client, without what no call here needs. To be called before its first call. */
export const trimmed = <Made extends Client>(client: Made): Made => {
  for (const name of unneeded) client.middlewareStack.remove(name);
  // The client copies its fifty settings four times a call, and V8 copies an object that was put together bit by bit
  // seven times as slowly as one with a fixed shape.
  toFastProperties(client.config);
  return client;
};
