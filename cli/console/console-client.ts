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
   * The address of the vault in the profile, and a client for this address, which retries as often
   * as the settings of the command say.
   */
  readonly addr: string;
  readonly client: Client;
  readonly findLocal: FindLocal;
  /** Returns a client for the node at this address. It gives up soon if the node is silent. */
  readonly clientOf: (addr: string) => Client;
};

/** A client that reports whom it is waiting for when an answer is late. */
export type ConsoleClient = <Id extends OperationId>(
  id: Id,
  asked?: OperationInput<Id>,
  onSilence?: OnSilence,
) => Promise<ReplyOf<Id>>;

/**
 * An answer is late after this time. Most answers arrive sooner, and for those a message that the
 * page is waiting would only flicker.
 */
const silentAfterMs = 500;

/**
 * Waits for the answer of the node at `url`. If the answer is late, calls `onSilence` once, with a
 * text such as `node 2`, or with the address if `findLocal` finds no number for the node.
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
 * Creates a client for the vault of the profile. If the vault is on this machine, the client sends
 * a read to one node after another, starting with the one that answered last, and waits for each
 * only briefly. If no node can serve the read, `client` sends it with all its retries. Writes go
 * only to the node of the profile: if the answer to a write is lost, the write may have taken
 * effect, so it must not be tried at another node.
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

/** Whether the error means only that this node cannot serve now. Another node may be able to. */
const isAbsent = (error: unknown): boolean =>
  isFailure(error) && ['unreachable', 'store_unavailable'].includes(error.report.code);
