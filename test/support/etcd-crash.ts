/** A node dies at one of its calls to etcd, or a call to etcd loses its reply. */
import { status } from '@grpc/grpc-js';
import type { EtcdClient } from '../../local/etcd/client.ts';

export type Crash = {
  readonly etcd: EtcdClient;
  /** Resolves once the node is dead and its calls in progress have ended. */
  readonly happened: Promise<void>;
};

type Send = () => Promise<unknown>;

/** Passes each call to `take` with its number from 0. */
export const interceptCalls = (
  etcd: EtcdClient,
  take: (send: Send, index: number) => Promise<unknown>,
): EtcdClient => {
  let calls = 0;
  const intercept =
    <Request, Result>(call: (request: Request, deadline: number) => Promise<Result>) =>
    (request: Request, deadline: number): Promise<Result> => {
      const index = calls;
      calls += 1;
      return take(() => call(request, deadline), index) as Promise<Result>;
    };
  return { range: intercept(etcd.range), txn: intercept(etcd.txn), close: () => undefined };
};

/** The node dies at the call numbered `index`: before the call is sent, or after etcd has applied it. */
export const crashAtCall = (etcd: EtcdClient, index: number, when: 'before' | 'after'): Crash => {
  const { promise: happened, resolve } = Promise.withResolvers<void>();
  const underWay = new Set<Promise<unknown>>();
  const forever = new Promise<never>(() => undefined);
  let isDead = false;
  const die = (): Promise<never> => {
    isDead = true;
    void Promise.allSettled(underWay).then(() => resolve());
    return forever;
  };
  return {
    happened,
    etcd: interceptCalls(etcd, async (send, own) => {
      if (isDead) return await forever;
      if (own === index && when === 'before') return await die();
      const sent = send();
      underWay.add(sent);
      const reply = await sent;
      if (own === index) return await die();
      return isDead ? await forever : reply;
    }),
  };
};

/** etcd applies the call numbered `index`, and the connection breaks before its reply. */
export const loseReplyOf = (etcd: EtcdClient, index: number): EtcdClient =>
  interceptCalls(etcd, async (send, own) => {
    const reply = await send();
    if (own !== index) return reply;
    throw Object.assign(new Error('the connection broke'), {
      code: status.UNAVAILABLE,
      details: 'the connection broke',
    });
  });
