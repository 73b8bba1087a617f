/** Reads from another node of a cluster on this machine while the node of the profile is dead. */
import type { LocalVault } from '../cli/checkout.ts';
import type { Client } from '../cli/client.ts';
import { isFailure } from '../cli/failures.ts';
import { operations } from '../client/operations.ts';

/**
 * A client that asks the other nodes if the first cannot be reached. It does so only for reads, because a write whose
 * answer was lost may have been done.
 */
export const readingElsewhere = (
  client: Client,
  findLocal: () => Promise<LocalVault | undefined>,
  clientOf: (addr: string) => Client,
): Client => {
  return async (id, asked) => {
    try {
      return await client(id, asked);
    } catch (error) {
      if (!isUnreachable(error) || operations[id].method !== 'GET') throw error;
      for (const { url } of (await findLocal())?.nodes ?? []) {
        try {
          return await clientOf(url)(id, asked);
        } catch (other) {
          if (!isUnreachable(other)) throw other;
        }
      }
      throw error;
    }
  };
};

const isUnreachable = (error: unknown): boolean =>
  isFailure(error) && error.report.code === 'unreachable';
