/**
 * `adversary.ts FOLDER SOCKET SEED SHARE REPORT` is a proxy on SOCKET, between the functions of the
 * node on FOLDER and its etcd. A share of the calls meets a fault; the seed decides which calls,
 * and which fault. A call that contains a plaintext value is a violation. At its end the proxy
 * writes a report of what happened to the calls.
 */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import {
  Client,
  credentials,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { memberAddress } from '../../../host/node/member.ts';
import { canaryForms, findCanaries } from '../../support/adversary/canaries.ts';
import { oneOf, seeded } from '../../support/adversary/random.ts';
import { canary, type Met } from './hostility.ts';

const [folder = '', socket = '', seed, share, report = ''] = process.argv.slice(2);
const random = seeded(Number(seed));

type Fate =
  | { readonly kind: 'passed' }
  /** The call is forwarded to etcd after `ms` milliseconds. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The call is never forwarded to etcd. */
  | { readonly kind: 'dropped'; readonly isSilent: boolean }
  /** etcd applies the call, but the node does not get the reply. */
  | { readonly kind: 'reply lost'; readonly isSilent: boolean }
  /**
   * The node gets no answer. etcd applies the call after `ms` milliseconds, perhaps after the vault
   * has answered its caller.
   */
  | { readonly kind: 'applied late'; readonly ms: number }
  /** etcd applies the call twice. The node sees the first or the second reply. */
  | { readonly kind: 'duplicated'; readonly shows: 'first' | 'second' }
  /** The call is refused before it has an effect. */
  | { readonly kind: 'throttled' }
  | { readonly kind: 'server error'; readonly isApplied: boolean };

type Draw = () => Fate;
const isSometimes = (chance: number): boolean => random() < chance;
const ofReads: readonly [Draw, ...Draw[]] = [
  () => ({ kind: 'slow', ms: random() * 400 }),
  () => ({ kind: 'dropped', isSilent: isSometimes(0.3) }),
  () => ({ kind: 'reply lost', isSilent: isSometimes(0.3) }),
  () => ({ kind: 'server error', isApplied: isSometimes(0.5) }),
  () => ({ kind: 'throttled' }),
];
const ofWrites: readonly [Draw, ...Draw[]] = [
  ...ofReads,
  () => ({ kind: 'reply lost', isSilent: isSometimes(0.3) }),
  () => ({ kind: 'duplicated', shows: oneOf(random, ['first', 'second']) }),
  // The delay is at most 3 s, because every call must be applied before the tables are compared at
  // the end.
  () => ({ kind: 'applied late', ms: random() * 3_000 }),
];

const raw = (bytes: Buffer): Buffer => bytes;
const options = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};
const etcd = new Client(memberAddress(folder), credentials.createInsecure(), options);
const needsLeader = new Metadata();
needsLeader.set('hasleader', 'true');

const failed = (code: status, details: string): Partial<ServiceError> => ({ code, details });
const reset = () => failed(status.UNAVAILABLE, 'the connection was reset');
const sleep = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** Forwards a call. Its deadline is only a little later than the caller's own. */
const forward = (path: string, request: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const deadline = Date.now() + 5_000;
    etcd.makeUnaryRequest(path, raw, raw, request, needsLeader, { deadline }, (error, reply) =>
      error ? reject(error) : resolve(reply ?? Buffer.of()),
    );
  });

/**
 * Does to a call what its fate says, and returns the reply that the node sees. Rejects with the
 * error that the node sees. Resolves to `undefined` if the node gets no answer.
 */
const meet = async (fate: Fate, path: string, request: Buffer): Promise<Buffer | undefined> => {
  const send = () => forward(path, request);
  switch (fate.kind) {
    case 'passed':
      return await send();
    case 'slow':
      await sleep(fate.ms);
      return await send();
    case 'dropped':
      if (fate.isSilent) return undefined;
      throw reset();
    case 'reply lost':
      await send();
      if (fate.isSilent) return undefined;
      throw reset();
    case 'applied late':
      await sleep(fate.ms);
      await send();
      return undefined;
    case 'duplicated': {
      const first = await send();
      const second = await send();
      return fate.shows === 'first' ? first : second;
    }
    case 'throttled':
      throw failed(status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests');
    case 'server error':
      if (fate.isApplied) await send();
      throw failed(status.UNAVAILABLE, 'etcdserver: request timed out');
  }
};

const met: Fate['kind'][] = [];
const violations = new Set<string>();
const forms = canaryForms(canary);
const hostile =
  (path: string, draws: readonly [Draw, ...Draw[]]): handleUnaryCall<Buffer, Buffer> =>
  ({ request }, callback) => {
    if (findCanaries(request, forms).length > 0) violations.add(`${path}: holds plaintext`);
    const fate: Fate = random() < Number(share) ? oneOf(random, draws)() : { kind: 'passed' };
    met.push(fate.kind);
    meet(fate, path, request).then(
      (reply) => reply && callback(null, reply),
      (error: Partial<ServiceError>) => callback(error),
    );
  };

const server = new Server(options);
for (const [path, draws] of [
  ['/etcdserverpb.KV/Range', ofReads],
  ['/etcdserverpb.KV/Txn', ofWrites],
] as const) {
  server.register(path, hostile(path, draws), raw, raw, 'unary');
}
rmSync(socket, { force: true });
await new Promise<void>((resolve, reject) => {
  server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
    error ? reject(error) : resolve(),
  );
});
chmodSync(socket, 0o600);

process.once('SIGTERM', () => {
  const faults: Record<string, number> = {};
  for (const kind of met) if (kind !== 'passed') faults[kind] = (faults[kind] ?? 0) + 1;
  const told: Met = { calls: met.length, faults, violations: [...violations] };
  writeFileSync(report, JSON.stringify(told));
  process.exit();
});
