import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  connectEtcd,
  type EtcdClient,
  type RangeRequest,
} from '../../../../host/etcd/etcd-client.ts';
import { freshFolder } from '../../../support/local-process.ts';

type Call = { readonly bytes: Buffer; readonly metadata: Metadata };
type Method = MethodDefinition<object, object>;

const methods = loadSync('host/etcd/etcd.proto')['etcdserverpb.KV'] as Record<string, Method>;

let server: Server;
let etcd: EtcdClient;
let calls: Call[];
/** The reply to every call. While this is undefined, calls get no reply. */
let reply: object | undefined;

beforeEach(async () => {
  [calls, reply] = [[], {}];
  server = new Server({ 'grpc.max_send_message_length': -1 });
  for (const method of [methods['Range'], methods['Txn']]) {
    if (method === undefined) throw new Error('etcd.proto has Range and Txn');
    server.register(
      method.path,
      ({ request, metadata }: ServerUnaryCall<Buffer, object>, answer: sendUnaryData<object>) => {
        calls.push({ bytes: request, metadata });
        if (reply !== undefined) answer(null, reply);
      },
      method.responseSerialize,
      (bytes: Buffer) => bytes,
      'unary',
    );
  }
  const address = `unix:${join(freshFolder(), 'socket')}`;
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(address, credentials, (error) => (error ? reject(error) : resolve()));
  });
  etcd = connectEtcd(address);
});
afterEach(() => {
  etcd.close();
  server.forceShutdown();
});

const soon = () => performance.now() + 5_000;
const range: RangeRequest = { key: Buffer.from('a') };

describe('a connection to an etcd member', () => {
  // Any other field would follow the key, such as number 7 (serializable), which lets a single
  // member answer.
  it('sends a read as the key alone, which is a linearizable read', async () => {
    await etcd.range(range, soon());
    await etcd.txn({ compare: [], success: [{ request_range: range }], failure: [] }, soon());
    const sent = calls.map(({ bytes }) => bytes.toString('hex'));
    expect(sent).toEqual(['0a0161', '12050a030a0161']);
  });

  it('asks etcd to refuse a call at once while the member knows no leader', async () => {
    await etcd.range(range, soon());
    expect(calls[0]?.metadata.get('hasleader')).toEqual(['true']);
  });

  it('rejects a call at its deadline if there is no reply', async () => {
    reply = undefined;
    const call = etcd.range(range, performance.now() + 100).catch((error: unknown) => error);
    const result = await Promise.race([call, sleep(30_000, 'no rejection', { ref: false })]);
    expect(result).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it('accepts a reply with a hundred values of 64 KiB', async () => {
    reply = { kvs: Array.from({ length: 100 }, () => ({ value: Buffer.alloc(65_536) })) };
    expect((await etcd.range(range, soon())).kvs).toHaveLength(100);
  });
});
