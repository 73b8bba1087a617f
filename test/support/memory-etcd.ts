/**
 * The part of etcd's key-value service that the front uses, in memory: revisions, compares, nested
 * transactions, and the refusal of a call that puts the same key twice. `test/cluster/etcd.test.ts`
 * runs one suite against it and against a real etcd.
 */
import { status } from '@grpc/grpc-js';
import type {
  EtcdClient,
  KeyValue,
  Operation,
  OperationReply,
  RangeReply,
  RangeRequest,
  Txn,
  TxnReply,
} from '../../host/etcd/etcd-client.ts';

export type MemoryEtcd = EtcdClient & {
  /** The calls, in the order in which they took effect. */
  readonly calls: readonly (RangeRequest | Txn)[];
  readonly items: () => ReadonlyMap<string, string>;
};

const invalidArgument = (details: string): Error =>
  Object.assign(new Error(details), { code: status.INVALID_ARGUMENT, details });

/** Returns the keys that an operation may put or delete in its success branches. */
const changed = (operations: readonly Operation[]): string[] =>
  operations.flatMap((operation) => {
    if ('request_put' in operation) return [operation.request_put.key.toString('latin1')];
    if ('request_delete_range' in operation) {
      return [operation.request_delete_range.key.toString('latin1')];
    }
    if ('request_txn' in operation) return changed(operation.request_txn.success);
    return [];
  });

export const createMemoryEtcd = (clusterId = '1'): MemoryEtcd => {
  const kept = new Map<string, { value: Buffer; created: number; revision: number }>();
  const calls: (RangeRequest | Txn)[] = [];
  let revision = 1;
  const header = () => ({ cluster_id: clusterId, revision: String(revision) });

  const readRange = ({
    key,
    range_end: end,
    limit = 0,
    sort_order: order,
  }: RangeRequest): RangeReply => {
    const from = key.toString('latin1');
    const to = end?.toString('latin1');
    const keys = [...kept.keys()]
      .filter((each) => (to === undefined ? each === from : each >= from && each < to))
      .sort((a, b) => (a < b ? -1 : 1));
    if (order === 'DESCEND') keys.reverse();
    const shown = limit > 0 ? keys.slice(0, limit) : keys;
    const kvs = shown.map((each): KeyValue => {
      const stored = kept.get(each) ?? { value: Buffer.of(), created: 0, revision: 0 };
      return {
        key: Buffer.from(each, 'latin1'),
        value: stored.value,
        create_revision: String(stored.created),
        mod_revision: String(stored.revision),
        lease: '0',
      };
    });
    const more = shown.length < keys.length;
    return { header: header(), kvs, more, count: String(keys.length) };
  };

  const holdsAll = ({ compare }: Txn): boolean =>
    compare.every(
      ({ key, mod_revision: expected }) =>
        String(kept.get(key.toString('latin1'))?.revision ?? 0) === expected,
    );

  /** Evaluates the compares of all levels before anything takes effect. */
  const decide = (txn: Txn): (() => TxnReply) => {
    const succeeded = holdsAll(txn);
    const branch = succeeded ? txn.success : txn.failure;
    const steps = branch.map((operation): (() => OperationReply) => {
      if ('request_txn' in operation) {
        const run = decide(operation.request_txn);
        return () => ({ response_txn: run() });
      }
      if ('request_range' in operation) {
        return () => ({ response_range: { ...readRange(operation.request_range), header: null } });
      }
      return () => {
        const isPut = 'request_put' in operation;
        const { key } = isPut ? operation.request_put : operation.request_delete_range;
        if (isPut) {
          const { value } = operation.request_put;
          const next = revision + 1;
          const created = kept.get(key.toString('latin1'))?.created ?? next;
          kept.set(key.toString('latin1'), { value, created, revision: next });
        } else {
          kept.delete(key.toString('latin1'));
        }
        return {};
      };
    });
    return () => ({ header: null, succeeded, responses: steps.map((step) => step()) });
  };

  return {
    calls,
    items: () => new Map([...kept].map(([key, { value }]) => [key, value.toString('utf8')])),
    range: async (request) => {
      calls.push(request);
      return readRange(request);
    },
    txn: async (request) => {
      for (const branch of [request.success, request.failure]) {
        const keys = changed(branch);
        if (new Set(keys).size < keys.length)
          throw invalidArgument('etcdserver: duplicate key given in txn request');
      }
      calls.push(request);
      const before = new Map(kept);
      const reply = decide(request)();
      const hasChanged = [...new Set([...before.keys(), ...kept.keys()])].some(
        (key) => before.get(key) !== kept.get(key),
      );
      if (hasChanged) revision += 1;
      return { ...reply, header: header() };
    },
    close: () => undefined,
  };
};
