/**
 * A client of the vault's HTTP API, as a user would write it: it knows all nodes, and repeats a write with
 * the same idempotency key.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

export type Version = {
  readonly version: number;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly value?: string;
  readonly state: string;
  readonly note?: string;
};

/** The properties of the replies that the story looks at. */
type Body = {
  readonly version?: number;
  readonly value?: string;
  readonly code?: string;
  readonly retryable?: boolean;
  readonly content?: string;
  readonly versions?: readonly Version[];
};

/** Status 0 means that the connection was refused or broke, or that no answer came in time. */
export type Reply = { readonly status: number; readonly body: Body; readonly ms: number };

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
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
export const versionsOf = (name: string, query = ''): Request => get(name, `/versions${query}`);

/** Gives the request an idempotency key, under which the vault performs it once. */
export const once = (request: Request): Request => ({
  ...request,
  headers: { 'Idempotency-Key': randomUUID(), ...request.headers },
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

export type Client = ReturnType<typeof createClient>;

/** `urls`: the address of each node, beginning with node 1. */
export const createClient = (urls: readonly string[], token: string) => {
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
    /** Sends the request to this node once. */
    ask,
    /** Reads from this node, and repeats the request while the node is unavailable: a machine may be busy. */
    read: (node: number, request: Request) => repeat(() => node, request),
    /**
     * Makes one write: asks this node first, and then the others in turn while the outcome is not known, always with the
     * same idempotency key.
     */
    write: (node: number, request: Request) =>
      repeat((turn) => ((node - 1 + turn) % urls.length) + 1, once(request)),
    counts: () => ({ requests, acknowledged }),
  };
};
