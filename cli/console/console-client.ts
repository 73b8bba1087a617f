/**
 * Sends the console's requests to the vault. If the vault is a cluster on this machine, reads fail
 * over to another node while one is dead, paused or cut off. While an answer is late, the page
 * learns which node it is waiting for.
 */

import { operations } from '../../client/operations.ts';
import type { OperationInput } from '../../client/sending.ts';
import type { OperationId, ReplyOf } from '../../client/types.ts';
import { isLoopback } from '../../system/address.ts';
import { isFailure } from '../../system/failures.ts';
import { type FindLocal, originOf } from '../requests/local-vaults.ts';
import type { Client } from '../requests/vault-client.ts';
import type { OnSilence } from './server.ts';

export type ConsoleClientOptions = {
  /**
   * The address of the profile, and a client for it that retries for as long as its settings say.
   */
  readonly addr: string;
  readonly client: Client;
  readonly findLocal: FindLocal;
  /** Returns a client for one node that gives up soon. */
  readonly clientOf: (addr: string) => Client;
};

/** A client that reports whom it is waiting for when an answer is late. */
export type ConsoleClient = <Id extends OperationId>(
  id: Id,
  asked?: OperationInput<Id>,
  onSilence?: OnSilence,
) => Promise<ReplyOf<Id>>;

/** Most answers arrive sooner, and a message that disappears at once would only flicker. */
const silentAfterMs = 500;

/**
 * Waits for the answer of the node at `url`. If it is late, calls `onSilence` with the node's name.
 */
export const awaitAnswer = async <Result>(
  answer: Promise<Result>,
  url: string,
  findLocal: FindLocal,
  onSilence: OnSilence,
): Promise<Result> => {
  let isOver = false;
  const tell = async (): Promise<void> => {
    const nodes = (await findLocal().catch(() => undefined))?.nodes ?? [];
    const node = nodes.find((one) => originOf(one.url) === originOf(url))?.node ?? null;
    if (!isOver) onSilence(node === null ? `the vault at ${url}` : `node ${node}`);
  };
  const timer = setTimeout(() => void tell(), silentAfterMs);
  try {
    return await answer;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
};

/**
 * Creates a client for the vault of the profile. If that is on this machine, a read tries each node
 * briefly, starting with the one that answered last. If none of them can serve it, the client of
 * the profile tries for longer. Writes go only to the node of the profile, because a write whose
 * answer was lost may have happened.
 */
export const createConsoleClient = (options: ConsoleClientOptions): ConsoleClient => {
  const { addr, client, findLocal, clientOf } = options;
  let last = addr;
  async function* nodes(): AsyncGenerator<string> {
    const first = last;
    yield first;
    const others = ((await findLocal())?.nodes ?? []).map(({ url }) => url);
    yield* others.filter((url) => url !== first);
  }
  return async (id, asked, onSilence = () => undefined) => {
    if (!operations[id].writes && isLoopback(new URL(addr))) {
      for await (const url of nodes()) {
        try {
          const reply = await awaitAnswer(clientOf(url)(id, asked), url, findLocal, onSilence);
          last = url;
          return reply;
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
      }
    }
    return await awaitAnswer(client(id, asked), addr, findLocal, onSilence);
  };
};

/** Whether the error means that this node cannot serve now, so that another one may. */
const isAbsent = (error: unknown): boolean =>
  isFailure(error) && ['unreachable', 'store_unavailable'].includes(error.report.code);
