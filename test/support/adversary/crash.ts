/** Lets a process die at one of its calls to services, or lose the reply of one. */
import type { EtcdClient } from '../../../host/etcd/etcd-client.ts';
import type { Exchange } from './wire.ts';

/**
 * A function that is given each call of a process, and the number of the call from 0. It decides
 * whether to send the call, and returns the reply.
 */
export type Take = <Reply>(send: () => Promise<Reply>, index: number) => Promise<Reply>;

const numbered = (take: Take): (<Reply>(send: () => Promise<Reply>) => Promise<Reply>) => {
  let calls = 0;
  return (send) => {
    const index = calls;
    calls += 1;
    return take(send, index);
  };
};
export const takeExchange = (forward: Exchange, take: Take): Exchange => {
  const each = numbered(take);
  return (call, signal) => each(() => forward(call, signal));
};
export const takeEtcd = ({ range, txn }: EtcdClient, take: Take): EtcdClient => {
  const each = numbered(take);
  return {
    range: (request, deadline) => each(() => range(request, deadline)),
    txn: (request, deadline) => each(() => txn(request, deadline)),
    close: () => undefined,
  };
};

export type Crash = {
  readonly take: Take;
  /** Resolves once the process is dead and the calls that it sent have ended. */
  readonly happened: Promise<void>;
};

/**
 * Kills the process at the call numbered `at`: before the call is sent, or after it was applied.
 * From then on, none of its calls is answered.
 */
export const crashAt = (at: number, when: 'before' | 'after'): Crash => {
  const { promise: happened, resolve } = Promise.withResolvers<void>();
  const underWay = new Set<Promise<unknown>>();
  const forever = new Promise<never>(() => {});
  let dead = false;
  const die = (): Promise<never> => {
    dead = true;
    void Promise.allSettled(underWay).then(() => resolve());
    return forever;
  };
  return {
    happened,
    take: async (send, index) => {
      if (dead) return await forever;
      if (index === at && when === 'before') return await die();
      const sent = send();
      underWay.add(sent);
      const reply = await sent;
      if (index === at) return await die();
      return dead ? await forever : reply;
    },
  };
};

/** Applies the call numbered `at`, but throws `error` instead of returning its reply. */
export const loseReply =
  (at: number, error: Error): Take =>
  async (send, index) => {
    const reply = await send();
    if (index === at) throw error;
    return reply;
  };
