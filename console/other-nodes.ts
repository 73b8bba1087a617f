/** Reads from another node of a cluster on this machine while one is dead, stands still or is cut off. */

import { isLoopback } from '../cli/address.ts';
import type { Client } from '../cli/client.ts';
import { isFailure } from '../cli/failures.ts';
import { operations } from '../client/operations.ts';
import type { FindLocal } from './local-vault.ts';

export type ReadingOptions = {
  /** The address of the profile, and a client for it that tries for as long as its settings say. */
  readonly addr: string;
  readonly client: Client;
  readonly findLocal: FindLocal;
  /** A client of a node, which gives up soon. */
  readonly clientOf: (addr: string) => Client;
};

/**
 * A client whose reads ask each node for a short time, first the one that has answered last. If no node answers, the
 * client of the profile tries for longer. A write goes only to the node of the profile, because a write whose answer was
 * lost may have been done.
 */
export const readingElsewhere = (options: ReadingOptions): Client => {
  const { addr, client, findLocal, clientOf } = options;
  let last = addr;
  async function* nodes(): AsyncGenerator<string> {
    const first = last;
    yield first;
    const others = ((await findLocal())?.nodes ?? []).map(({ url }) => url);
    yield* others.filter((url) => url !== first);
  }
  return async (id, asked) => {
    if (!operations[id].writes && isLoopback(new URL(addr))) {
      for await (const url of nodes()) {
        try {
          const reply = await clientOf(url)(id, asked);
          last = url;
          return reply;
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
      }
    }
    return await client(id, asked);
  };
};

/** Whether another node may answer where this one cannot. */
const isAbsent = (error: unknown): boolean =>
  isFailure(error) && ['unreachable', 'store_unavailable'].includes(error.report.code);
