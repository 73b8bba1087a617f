/**
 * A client of three nodes: one `dsvault-client` for each node, and a loop over them that repeats a
 * write with the same idempotency key. `retries` is 0, so that the story sees each answer.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isVaultError,
  createClient as openClient,
  type QueryOf,
  type VaultClient,
  type VersionEntry,
} from '../../client/index.ts';

export type Version = Pick<VersionEntry, 'version' | 'state' | 'validFrom' | 'validTo'> & {
  readonly value?: string;
  readonly note?: string;
};

/** The properties of replies that the story needs. */
type Body = {
  readonly version?: number;
  readonly value?: string;
  readonly content?: string;
  readonly versions?: readonly Version[];
};

export type Reply = {
  /** `done` if the request succeeded; otherwise the code of the error. */
  readonly outcome: string;
  readonly retryable: boolean;
  readonly body: Body;
  readonly ms: number;
};

/** Performs one operation at a node. */
export type Request = (vault: VaultClient, idempotencyKey?: string) => Promise<Body>;

const repeatLimitMs = 60_000;

export const create =
  (name: string, value: string): Request =>
  (vault, idempotencyKey) =>
    vault.create(name, value, { idempotencyKey });

export const update =
  (name: string, value: string, ifVersion?: number): Request =>
  (vault, idempotencyKey) =>
    vault.update(name, value, { ifVersion, idempotencyKey });

export const get =
  (name: string, which: Parameters<VaultClient['get']>[1] = {}): Request =>
  (vault) =>
    vault.get(name, which);

export const versionsOf =
  (name: string, query: QueryOf<'list-versions'> = {}): Request =>
  (vault) =>
    vault.request('list-versions', { name, query });

/** Gives the request an idempotency key, so that the vault performs it only once. */
export const once = (request: Request): Request => {
  const idempotencyKey = randomUUID();
  return (vault) => request(vault, idempotencyKey);
};

/**
 * Returns how often each outcome occurred, as text for somebody who wants to know why a check
 * failed.
 */
export const tallyOf = (replies: readonly Reply[]): string => {
  const tally = new Map<string, number>();
  for (const { outcome } of replies) tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
  return [...tally].map(([outcome, times]) => `${outcome}: ${times}`).join(', ');
};

export type Client = ReturnType<typeof createClient>;

/** Creates the client. `urls` has the address of each node, beginning with node 1. */
export const createClient = (urls: readonly string[], token: string) => {
  const vaults = urls.map((addr) => openClient({ addr, token, retries: 0 }));
  let [requests, acknowledged] = [0, 0];

  const ask = async (node: number, request: Request): Promise<Reply> => {
    const vault = vaults[node - 1];
    if (vault === undefined) throw new Error(`there is no node ${node}`);
    const begun = performance.now();
    requests += 1;
    const reply = await request(vault).then(
      (body) => ({ outcome: 'done', retryable: false, body }),
      (error: unknown) => {
        if (!isVaultError(error)) throw error;
        return { outcome: error.code, retryable: error.retryable, body: {} };
      },
    );
    return { ...reply, ms: performance.now() - begun };
  };
  const repeat = async (nodeAt: (turn: number) => number, request: Request): Promise<Reply> => {
    const until = performance.now() + repeatLimitMs;
    for (let turn = 0; ; turn += 1) {
      const reply = await ask(nodeAt(turn), request);
      if (!reply.retryable || performance.now() > until) return reply;
      await sleep(Math.random() * 100);
    }
  };
  return {
    /** Sends the request to this node once. */
    ask,
    /**
     * Reads from this node. Asks again for up to a minute while the answer says that a retry may
     * help, because the machine may be busy.
     */
    read: (node: number, request: Request) => repeat(() => node, request),
    /**
     * Makes one write. Asks this node first, and then the others in turn, for up to a minute while
     * the answer says that a retry may help, always with the same idempotency key.
     */
    write: async (node: number, request: Request): Promise<Reply> => {
      const reply = await repeat((turn) => ((node - 1 + turn) % urls.length) + 1, once(request));
      if (reply.outcome === 'done') acknowledged += 1;
      return reply;
    },
    counts: () => ({ requests, acknowledged }),
  };
};
