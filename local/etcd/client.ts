/**
 * A connection to one member of etcd: the two calls of its key-value service. Nothing is repeated and nothing is
 * hidden: each call has a deadline, and its error is the caller's to judge.
 */
import { join } from 'node:path';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

/** Revisions are decimal text, as they have 64 bits. */
export type Stored = {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly mod_revision: string;
};
type Header = { readonly cluster_id: string; readonly revision: string };
export type Range = {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly limit?: number;
  readonly sort_order?: 'ASCEND' | 'DESCEND';
};
export type RangeReply = {
  readonly header?: Header | null;
  readonly kvs: readonly Stored[];
  readonly more: boolean;
};
export type Compare = {
  readonly target: 'MOD';
  readonly result: 'EQUAL';
  readonly key: Buffer;
  readonly mod_revision: string;
};
export type Operation =
  | { readonly request_range: Range }
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer } }
  | { readonly request_delete_range: { readonly key: Buffer } }
  | { readonly request_txn: Txn };
export type Txn = {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
};
export type OperationReply = {
  readonly response_range?: RangeReply;
  readonly response_txn?: TxnReply;
};
export type TxnReply = {
  readonly header?: Header | null;
  readonly succeeded: boolean;
  readonly responses: readonly OperationReply[];
};

/** `deadline` is in the time of `performance.now()`. Rejects with gRPC's `ServiceError`. */
export type EtcdClient = {
  readonly range: (request: Range, deadline: number) => Promise<RangeReply>;
  readonly txn: (request: Txn, deadline: number) => Promise<TxnReply>;
  readonly close: () => void;
};

const file = join(import.meta.dirname, 'etcd.proto');

const options: ChannelOptions = {
  // A reply holds up to a hundred values of 64 KiB; gRPC's own limit is 4 MiB.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // gRPC waits 1 s after the first failed connection, and up to 120 s after more. A member is back within seconds.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 2_000,
};

/** Connects when the first call is made. `address` is `host:port`. */
export const connectEtcd = (
  address: string,
  secured: ChannelCredentials = credentials.createInsecure(),
): EtcdClient => {
  const loaded = loadSync(file, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const service = loaded['etcdserverpb.KV'] as Record<string, MethodDefinition<object, object>>;
  const client = new Client(address, secured, options);
  const metadata = new Metadata();
  // etcd refuses a call at once while its member knows no leader.
  metadata.set('hasleader', 'true');

  const call =
    <Request extends object, Result>(name: string) =>
    (request: Request, deadline: number): Promise<Result> => {
      const method = service[name];
      if (method === undefined) throw new Error(`etcd.proto lacks ${name}`);
      const until = Date.now() + Math.max(1, deadline - performance.now());
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadata,
          { deadline: until },
          (error, result) => (error ? reject(error) : resolve(result as Result)),
        );
      });
    };
  return { range: call('Range'), txn: call('Txn'), close: () => client.close() };
};

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number';

/** etcd refused the call before it looked at any key. */
export const isInvalidArgument = (error: unknown): boolean =>
  isServiceError(error) && error.code === status.INVALID_ARGUMENT;

/** etcd refused the call, as it has too many to propose: the call has no effect. */
export const isTooManyRequests = (error: unknown): boolean =>
  isServiceError(error) &&
  error.code === status.RESOURCE_EXHAUSTED &&
  error.details.includes('too many requests');
