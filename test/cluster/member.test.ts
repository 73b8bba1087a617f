/** A real etcd over files that were damaged while it did not run: its words for that are known, and it gets new ones. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { findFreePort } from '../../local/child.ts';
import type { NodeConfig } from '../../local/replica/config.ts';
import { connectLog, untilDescribed } from '../../local/replica/log.ts';
import { startMember } from '../../local/replica/member.ts';
import { createWrite } from '../../local/replica/write.ts';
import { configOf } from '../support/peers.ts';

let folder: string;
let config: NodeConfig;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vault-member-'));
  const address = { node: 1, host: '127.0.0.1', etcdPort: await findFreePort(), peerPort: 1 };
  config = { ...configOf(1), nodes: [address] };
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (makeRoom: (why: string) => Promise<string>) =>
  startMember({ config, folder, secret: '', makeRoom, report: () => undefined }, undefined);

const pageBytes = 4_096;
const database = () => join(folder, 'etcd/member/snap/db');
const log = () => {
  const logs = join(folder, 'etcd/member/wal');
  const [name = ''] = readdirSync(logs).filter((file) => file.endsWith('.wal'));
  return join(logs, name);
};
/** Overwrites whole pages. */
const garble = (file: string, from: number, until: number): void => {
  const end = Math.min(until * pageBytes, statSync(file).size);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(end - from * pageBytes, 0x5a), 0, undefined, from * pageBytes);
  closeSync(handle);
};

it.each<[string, () => void]>([
  ['whose log is empty', () => truncateSync(log(), 0)],
  ['whose database is cut in half', () => truncateSync(database(), statSync(database()).size / 2)],
  ['whose database has no beginning', () => garble(database(), 0, 2)],
  ['whose database has pages of something else', () => garble(database(), 2, 6)],
])('a member of the log %s asks for a new place', async (_, damage) => {
  const whole = await start(() => Promise.reject(new Error('it is whole')));
  const entries = connectLog(whole.address);
  try {
    await untilDescribed(entries, AbortSignal.timeout(10_000));
    const body = { Item: { value: { S: 'x'.repeat(2_000) } } };
    for (let count = 0; count < 20; count += 1) {
      await entries.append([createWrite('PutItem', body)]);
    }
  } finally {
    entries.close();
    await whole.close();
  }
  damage();
  let notice: (why: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    notice = resolve;
  });
  const damaged = await start(async (why) => {
    notice(why);
    throw new Error('there is nobody to ask');
  });
  try {
    expect(await asked).toMatch(/^its etcd said: /);
  } finally {
    await damaged.close();
  }
});
