/**
 * A server in front of a vault that treats each request as the test has planned, and forwards all
 * others.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Plan =
  | 'pass'
  /** Breaks the connection before the request reaches the vault. */
  | 'drop'
  /** Forwards the request, and breaks the connection instead of answering. */
  | 'lose'
  /** Never answers. */
  | 'hang'
  /** Calls this function, then forwards the request. */
  | (() => void)
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

type Arrival = { readonly headers: IncomingMessage['headers']; readonly at: number };

export type FaultyFront = {
  readonly url: string;
  /**
   * Sets how the next requests are treated, one plan for each. Requests after those are forwarded.
   */
  readonly plan: (...plans: readonly Plan[]) => void;
  /** The requests since the last `plan`. */
  readonly seen: () => readonly Arrival[];
  readonly close: () => Promise<void>;
};

export const startFaultyFront = async (vaultUrl: () => string): Promise<FaultyFront> => {
  let plans: Plan[] = [];
  let seen: Arrival[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push({ headers: incoming.headers, at: Date.now() });
    const plan = plans.shift() ?? 'pass';
    if (plan === 'drop') incoming.socket.destroy();
    else if (plan === 'hang') incoming.resume();
    else if (typeof plan === 'function') {
      plan();
      forward(vaultUrl(), incoming, outgoing, false);
    } else if (typeof plan === 'object')
      outgoing.writeHead(plan.status, plan.headers).end(plan.body);
    else forward(vaultUrl(), incoming, outgoing, plan === 'lose');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan: (...next) => {
      plans = [...next];
      seen = [];
    },
    seen: () => seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const forward = (
  vaultUrl: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  lose: boolean,
): void => {
  const { method, headers, url = '' } = incoming;
  const forwarded = request(`${vaultUrl}${url}`, { method, headers }, (answer) => {
    if (lose) {
      answer.resume().once('end', () => incoming.socket.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(forwarded);
};
