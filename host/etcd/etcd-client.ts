/**
 * A connection to one etcd member. Each call has a deadline and is never retried here; the caller
 * decides what an error means.
 */
import { join } from 'node:path';
import {
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { etcdTimes } from './etcd-times.ts';

/** A key and its value in etcd. Revisions are decimal strings, because they have 64 bits. */
export type KeyValue = {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  /** The id of the key's lease; `0` if it has none. */
  readonly lease: string;
};
type Header = { readonly cluster_id: string; readonly revision: string };
export type RangeRequest = {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly limit?: number;
  /** The revision to read at. By default, the current one. */
  readonly revision?: string;
  /**
   * If true, the member answers without asking the other members. The answer is then current only
   * for a `revision` that this member has applied.
   */
  readonly serializable?: boolean;
  readonly sort_order?: 'ASCEND' | 'DESCEND';
};
export type RangeReply = {
  readonly header?: Header | null;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** The number of all keys in the range, even if fewer are returned. */
  readonly count?: string;
};
export type Compare = {
  readonly target: 'MOD';
  readonly result: 'EQUAL';
  readonly key: Buffer;
  readonly mod_revision: string;
};
export type Operation =
  | { readonly request_range: RangeRequest }
  | {
      readonly request_put: {
        readonly key: Buffer;
        readonly value: Buffer;
        readonly lease?: string;
      };
    }
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

export type EtcdClient = {
  readonly range: Call<RangeRequest, RangeReply>;
  readonly txn: Call<Txn, TxnReply>;
  readonly close: () => void;
};

const file = join(import.meta.dirname, 'etcd.proto');

const options: ChannelOptions = {
  // A reply may hold a hundred values of 64 KiB, but gRPC's default limit is 4 MiB.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': etcdTimes.reconnectFirstMs,
  'grpc.min_reconnect_backoff_ms': etcdTimes.reconnectFirstMs,
  'grpc.max_reconnect_backoff_ms': etcdTimes.reconnectLastMs,
  'grpc.keepalive_time_ms': etcdTimes.keepAliveMs,
  'grpc.keepalive_timeout_ms': etcdTimes.keepAliveReplyMs,
};

/**
 * A function that sends one request to etcd. `deadline` is in the time of `performance.now()`.
 * Rejects with gRPC's `ServiceError`.
 */
type Call<Request, Result> = (request: Request, deadline: number) => Promise<Result>;

export type Channel = {
  /**
   * Returns a function for one method of a service in `etcd.proto`, such as `Range` of `KV`. Only
   * `Maintenance` works while there is no leader.
   */
  readonly call: <Request extends object, Result>(
    service: string,
    name: string,
  ) => Call<Request, Result>;
  readonly close: () => void;
};

/** Creates a client for `host:port` or `unix:/path`. It connects with the first call. */
export const openChannel = (address: string): Channel => {
  const loaded = loadSync(file, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const client = new Client(address, credentials.createInsecure(), options);
  // Makes etcd refuse a call immediately while its member knows no leader.
  const needsLeader = new Metadata();
  needsLeader.set('hasleader', 'true');
  const always = new Metadata();
  return {
    call: <Request extends object, Result>(service: string, name: string) => {
      const methods = loaded[`etcdserverpb.${service}`] as Record<
        string,
        MethodDefinition<object, object>
      >;
      const method = methods[name];
      const metadata = service === 'Maintenance' ? always : needsLeader;
      if (method === undefined) throw new Error(`etcd.proto lacks ${service}.${name}`);
      return (request: Request, deadline: number) => {
        const until = Date.now() + Math.max(1, deadline - performance.now());
        return new Promise<Result>((resolve, reject) => {
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
    },
    close: () => client.close(),
  };
};

/** Creates a client for the key-value service of the member at `host:port` or `unix:/path`. */
export const connectEtcd = (address: string): EtcdClient => {
  const { call, close } = openChannel(address);
  return { range: call('KV', 'Range'), txn: call('KV', 'Txn'), close };
};

/**
 * A comparison that is true while the key has this revision, or for `0`, while the key is absent.
 */
export const hasRevision = (key: Buffer, mod_revision: string): Compare => ({
  target: 'MOD',
  result: 'EQUAL',
  key,
  mod_revision,
});

/**
 * Returns the revision of a linearizable read, which includes every write that was acknowledged
 * before it was sent. Returns `undefined` if etcd does not answer in time, for example because
 * there is no majority.
 */
export const readRevision = async (
  etcd: Pick<EtcdClient, 'range'>,
  timeoutMs: number,
): Promise<number | undefined> => {
  const read = etcd.range({ key: Buffer.from('table/') }, performance.now() + timeoutMs);
  return await read.then(
    ({ header }) => Number(header?.revision ?? 0),
    () => undefined,
  );
};

/** Whether etcd answers a linearizable read in time. */
export const hasMajority = async (
  etcd: Pick<EtcdClient, 'range'>,
  timeoutMs: number,
): Promise<boolean> => (await readRevision(etcd, timeoutMs)) !== undefined;

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number';

/** Whether etcd refused the call as invalid, before it looked at any key. */
export const isInvalidArgument = (error: unknown): boolean =>
  isServiceError(error) && error.code === status.INVALID_ARGUMENT;

/**
 * Whether etcd refused the call because too many proposals are pending. The call then had no
 * effect.
 */
export const isTooManyRequests = (error: unknown): boolean =>
  isServiceError(error) &&
  error.code === status.RESOURCE_EXHAUSTED &&
  error.details.includes('too many requests');

/**
 * Whether the call failed because etcd has compacted the requested revision, or because its member
 * has not applied it yet.
 */
export const isOutOfRange = (error: unknown): boolean =>
  isServiceError(error) && error.code === status.OUT_OF_RANGE;

/** Whether the call failed because etcd has compacted the requested revision. */
export const isCompacted = (error: unknown): boolean =>
  isServiceError(error) && isOutOfRange(error) && error.details.includes('compacted');
