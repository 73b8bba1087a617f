/**
 * The times and tries of the AWS clients, written out: one attempt a call, because only the vault knows what a repeated
 * write means. Connections are kept, as the clients do by themselves.
 */
import { times } from '../model/limits.ts';

export const clientOptions = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: times.connectMs },
} as const;
