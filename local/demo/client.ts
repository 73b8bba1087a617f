/**
 * A client of the vault's HTTP API, as a user would write it: it knows all nodes, and repeats a write with
 * the same idempotency key.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Nodes } from './nodes.ts';

/** The properties of the replies that the story looks at. */
type Body = {
  readonly version?: number;
  readonly value?: string;
  readonly code?: string;
  readonly retryable?: boolean;
  readonly content?: string;
  readonly validFrom?: string;
  readonly validTo?: string | null;
  readonly versions?: readonly Version[];
};
export type Version = {
  readonly version: number;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly value?: string;
  readonly state: string;
  readonly note?: string;
};

/** Status 0 means that the connection was refused or broke, or that no answer came in time. */
export type Reply = { readonly status: number; readonly body: Body; readonly ms: number };

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Client = {
  readonly ask: (node: number, request: Request) => Promise<Reply>;
  /**
   * Reads from this node, and repeats the request while the node answers that it is unavailable (a machine
   * may be busy).
   */
  readonly read: (node: number, request: Request) => Promise<Reply>;
  /**
   * Makes one write: asks this node first, and then the others in turn while the outcome is not known, always
   * with the same idempotency key, so the write happens once.
   */
  readonly write: (node: number, request: Request) => Promise<Reply>;
  readonly counts: () => { readonly requests: number; readonly acknowledged: number };
};

/** Longer than a node may take, so that a node that takes longer is caught. */
const timeLimitMs = 15_000;
const repeatLimitMs = 60_000;

export const create = (name: string, value: string): Request => ({
  method: 'POST',
  path: '/v1/secrets',
  body: { name, value },
});
export const update = (name: string, value: string, ifMatch?: number): Request => ({
  method: 'PUT',
  path: `/v1/secrets/${name}`,
  body: { value },
  ...(ifMatch !== undefined && { headers: { 'If-Match': `"${ifMatch}"` } }),
});
/** Deletes the secret of this path, or destroys its version. */
export const remove = (path: string, note?: string): Request => ({
  method: 'DELETE',
  path,
  ...(note !== undefined && { body: { note } }),
});
export const get = (name: string, query = ''): Request => ({
  method: 'GET',
  path: `/v1/secrets/${name}${query}`,
});
export const versionsOf = (name: string, query = ''): Request => ({
  method: 'GET',
  path: `/v1/secrets/${name}/versions${query}`,
});

const isToRepeat = ({ status, body }: Reply): boolean => status === 0 || body.retryable === true;

/** Counts each answer, for a reader who must find out why a check failed. */
export const tallyOf = (replies: readonly Reply[]): string => {
  const tally = new Map<string, number>();
  for (const { status, body } of replies) {
    const answer = body.code === undefined ? `${status}` : `${status} ${body.code}`;
    tally.set(answer, (tally.get(answer) ?? 0) + 1);
  }
  return [...tally].map(([answer, times]) => `${answer}: ${times}`).join(', ');
};

/** Creates a client with a token of this tenant. */
export const createClient = async (
  { urls, tokenOf }: Pick<Nodes, 'urls' | 'tokenOf'>,
  tenant: string,
): Promise<Client> => {
  const token = await tokenOf(tenant);
  let [requests, acknowledged] = [0, 0];

  const exchange = async (node: number, { method, path, body, headers }: Request) => {
    const response = await fetch(`${urls[node - 1]}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeLimitMs),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const ask = async (node: number, request: Request): Promise<Reply> => {
    const begun = performance.now();
    requests += 1;
    const reply = await exchange(node, request).catch(() => ({ status: 0, body: {} }));
    if (request.method !== 'GET' && reply.status >= 200 && reply.status < 300) acknowledged += 1;
    return { ...reply, ms: performance.now() - begun };
  };
  const repeat = async (nodeAt: (turn: number) => number, request: Request): Promise<Reply> => {
    const until = performance.now() + repeatLimitMs;
    for (let turn = 0; ; turn += 1) {
      const reply = await ask(nodeAt(turn), request);
      if (!isToRepeat(reply) || performance.now() > until) return reply;
      await sleep(Math.random() * 100);
    }
  };
  return {
    ask,
    read: (node, request) => repeat(() => node, request),
    write: (node, request) => {
      const headers = { 'Idempotency-Key': randomUUID(), ...request.headers };
      const nodeAt = (turn: number) => ((node - 1 + turn) % urls.length) + 1;
      return repeat(nodeAt, { ...request, headers });
    },
    counts: () => ({ requests, acknowledged }),
  };
};
