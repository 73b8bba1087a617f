/** A real etcd over files that were damaged while it did not run: the node knows what etcd says of them. */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { TlsFiles } from '../../local/cluster/cluster-file.ts';
import { connectEtcd } from '../../local/etcd/client.ts';
import { findFreePort } from '../../local/host/ports.ts';
import type { NodeConfig } from '../../local/node/config.ts';
import { memberAddress, startMember } from '../../local/node/member.ts';
import { freshCertificates } from '../support/certificates.ts';
import { freshFolder } from '../support/local-process.ts';
import { configOf, memberOptionsOf } from '../support/nodes.ts';
import { until } from '../support/until.ts';

let tls: TlsFiles;
let folder: string;
let config: NodeConfig;
beforeAll(async () => {
  tls = await freshCertificates(['127.0.0.1']);
});
beforeEach(async () => {
  folder = freshFolder();
  const address = { node: 1, host: '127.0.0.1', etcdPort: await findFreePort(), peerPort: 1 };
  config = configOf(1, 1, { nodes: [address], quotaBytes: 1_073_741_824 });
});

const start = (askForMember: (why: string) => Promise<string>) =>
  startMember(memberOptionsOf({ config, folder, tls, askForMember }), undefined);

/** Writes what fills some pages of the log and of the database. */
const fill = async (): Promise<void> => {
  const etcd = connectEtcd(memberAddress(folder));
  const put = async (count: number): Promise<boolean> => {
    const request_put = { key: Buffer.from(`key ${count}`), value: Buffer.alloc(2_000, 'x') };
    const txn = { compare: [], success: [{ request_put }], failure: [] };
    return await etcd.txn(txn, performance.now() + 3_000).then(
      () => true,
      () => false,
    );
  };
  for (let count = 0; count < 20; count += 1) await until(() => put(count), 60_000);
  etcd.close();
};

const pageBytes = 4_096;
const database = () => join(folder, 'etcd/member/snap/db');
const log = () => {
  const logs = join(folder, 'etcd/member/wal');
  const [name = ''] = readdirSync(logs).filter((file) => file.endsWith('.wal'));
  return join(logs, name);
};
/** Overwrites whole pages. */
const garble = (file: string, from: number, to: number): void => {
  const end = Math.min(to * pageBytes, statSync(file).size);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(end - from * pageBytes, 0x5a), 0, undefined, from * pageBytes);
  closeSync(handle);
};

it('etcd runs with a limit for its garbage, of half the quota', async () => {
  const member = await start(() => Promise.reject(new Error('it is whole')));
  const { pid } = JSON.parse(readFileSync(join(folder, 'etcd.pid'), 'utf8'));
  const environment = () => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  // It is empty while the process becomes etcd.
  await until(() => environment().includes('GOMEMLIMIT=536870912')).finally(member.close);
});

it.each<[string, () => void]>([
  ['an empty log', () => truncateSync(log(), 0)],
  ['a log without its beginning', () => garble(log(), 0, 1)],
  ['a log with a page of something else', () => garble(log(), 4, 5)],
  // Release 3.5 and later reserve most of the file for what comes.
  ['a database that is cut off after six pages', () => truncateSync(database(), 6 * pageBytes)],
  ['a database without its beginning', () => garble(database(), 0, 2)],
  ['a database with pages of something else', () => garble(database(), 2, 6)],
])('a node whose etcd has %s asks for a new member', async (_, damage) => {
  const whole = await start(() => Promise.reject(new Error('it is whole')));
  await fill().finally(whole.close);
  damage();
  const { promise: asked, resolve: notice } = Promise.withResolvers<string>();
  const damaged = await start(async (why) => {
    notice(why);
    throw new Error('there is nobody to ask');
  });
  expect(await asked.finally(damaged.close)).toMatch(/^its etcd said: /);
});
