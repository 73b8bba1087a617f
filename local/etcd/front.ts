/**
 * The part of DynamoDB's API that the vault and its tools use, answered out of etcd. Fronts share all their state
 * through etcd, so any number of them may serve at once. A request that no front serves is refused
 * with DynamoDB's own error before anything is sent to etcd.
 */

import { isRefusal, type Reply, refuse, unavailable, unclear } from './dynamodb-protocol.ts';
import { etcdTimes } from './etcd-times.ts';
import { createEtcd, type EtcdOptions } from './group-commit.ts';
import { createItemOperations } from './item-operations.ts';
import { checkRequest, isWrite, type Operation, type Operations, shapes } from './parse-request.ts';
import { isNotSent } from './request-lane.ts';
import { createTableLookup, createTableOperations } from './table-operations.ts';

export type FrontOptions = EtcdOptions & {
  /** The attribute that holds the second at which an item of a new table expires. */
  readonly timeToLiveAttribute?: string;
  /** Says in a sentence why requests of a kind are not served now, within `etcdTimes.admitMs`. Must not reject. */
  readonly admit?: Admission;
};

/** `undefined`: requests of this kind are served. */
export type Admission = (kind: 'read' | 'write') => Promise<string | undefined>;

/** Answers one request; `operation` is named as in `X-Amz-Target`. The promise resolves within `etcdTimes.answerMs`. */
export type Front = (operation: string, body: unknown) => Promise<Reply>;

const isServed = (operation: string): operation is Operation => Object.hasOwn(shapes, operation);

export const createFront = (options: FrontOptions): Front => {
  const { timeToLiveAttribute, admit } = options;
  const etcd = createEtcd(options);
  const getTable = createTableLookup(etcd);
  const operations: Operations = {
    ...createItemOperations(etcd, getTable),
    ...createTableOperations(etcd, getTable, timeToLiveAttribute),
  };

  const serve = async <Name extends Operation>(name: Name, body: unknown, deadline: number) =>
    await operations[name](checkRequest(name, body), deadline);

  return async (operation, body) => {
    if (!isServed(operation)) {
      return refuse('UnknownOperationException', `${operation} is not served here`);
    }
    const began = performance.now();
    const closed = await admit?.(isWrite(operation) ? 'write' : 'read');
    if (closed !== undefined) return unavailable(closed);
    const withoutAnswer = (): Reply =>
      isWrite(operation)
        ? unclear('the write has no answer yet')
        : unavailable('etcd does not answer');
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<Reply>((resolve) => {
      timer = setTimeout(
        () => resolve(withoutAnswer()),
        began + etcdTimes.answerMs - performance.now(),
      );
    });
    const served = serve(operation, body, began + etcdTimes.callsEndMs).catch(
      (error: unknown): Reply => {
        if (isRefusal(error)) return error.reply;
        return isNotSent(error) ? unavailable('etcd takes no requests now') : withoutAnswer();
      },
    );
    return await Promise.race([served, timeout]).finally(() => clearTimeout(timer));
  };
};
