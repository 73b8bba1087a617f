/**
 * A real etcd that ends again and again. Its node asks for a new member only if the files are
 * damaged.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectEtcd } from '../../host/etcd/etcd-client.ts';
import type { TlsFiles } from '../../host/http/tls.ts';
import { createDamageFinder, findObstacle } from '../../host/node/damage.ts';
import { minorOf } from '../../host/node/etcd-version.ts';
import { tryEmptyFolder } from '../../host/node/lone-etcd.ts';
import { memberAddress, startMember } from '../../host/node/member.ts';
import { hasMemberFiles } from '../../host/node/member-files.ts';
import { addressOf, type NodeConfig } from '../../host/node/node-config.ts';
import { findFreePort } from '../../host/process/ports.ts';
import { findProgram } from '../../system/programs.ts';
import { freshCertificates } from '../support/certificates.ts';
import { freshFolder } from '../support/local-process.ts';
import { isRoot, itAsRoot } from '../support/needs.ts';
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

let lines: string[];
/**
 * Starts the member as `startNode` does. The other nodes agree with each other. `release` is the
 * release of etcd that last served the files.
 */
const start = (onLost: (why: string) => Promise<string>, release?: string) => {
  lines = [];
  const place = { config, folder, tls, signal: new AbortController().signal };
  const { findDoubt } = createDamageFinder({
    findServed: () => (release === undefined ? undefined : { release, revision: 1 }),
    findObstacle: () => findObstacle(place),
    tryEmptyFolder: () => tryEmptyFolder(place),
    doOthersAgree: async () => true,
  });
  const report = (line: string) => void lines.push(line);
  return startMember(memberOptionsOf({ ...place, onLost, findDoubt, report }), undefined);
};
const isWhole = () => Promise.reject(new Error('it is whole'));
const endings = () => lines.filter((line) => line.startsWith('etcd ended (exit code '));

/** Returns the minor release of the etcd on the PATH. */
const ownRelease = (): string => {
  const text = execFileSync(findProgram('etcd') ?? '', ['--version'], { encoding: 'utf8' });
  return minorOf(/Version: (\S+)/.exec(text)?.[1] ?? '');
};

/** Writes a key. Returns whether etcd has acknowledged that. */
const put = async (key: string, bytes: number): Promise<boolean> => {
  const etcd = connectEtcd(memberAddress(folder));
  const request_put = { key: Buffer.from(key), value: Buffer.alloc(bytes, 'x') };
  const txn = { compare: [], success: [{ request_put }], failure: [] };
  return await etcd
    .txn(txn, performance.now() + 3_000)
    .then(
      () => true,
      () => false,
    )
    .finally(etcd.close);
};
/** Writes enough to fill some pages of the log and of the database. */
const fill = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) {
    await until(() => put(`key ${count}`, 2_000));
  }
};

const pageBytes = 4_096;
const database = () => join(folder, 'etcd/member/snap/db');
const log = () => {
  const logs = join(folder, 'etcd/member/wal');
  const [name = ''] = readdirSync(logs).filter((file) => file.endsWith('.wal'));
  return join(logs, name);
};
/** Overwrites the pages from `from` up to, but not including, `to`. */
const garble = (file: string, from: number, to: number): void => {
  const end = Math.min(to * pageBytes, statSync(file).size);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(end - from * pageBytes, 0x5a), 0, undefined, from * pageBytes);
  closeSync(handle);
};

it('etcd runs with a memory limit (GOMEMLIMIT) of half the quota', async () => {
  const member = await start(isWhole);
  const { pid } = JSON.parse(readFileSync(join(folder, 'etcd.pid'), 'utf8'));
  const environment = () => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  // The environment is empty for a moment, while the process becomes etcd.
  await until(() => environment().includes('GOMEMLIMIT=536870912')).finally(member.close);
});

it.each<[string, () => void]>([
  ['an empty log', () => truncateSync(log(), 0)],
  ['a log without its beginning', () => garble(log(), 0, 1)],
  ['a log with an overwritten page', () => garble(log(), 4, 5)],
  // Six pages, because from release 3.5 on most of the file is only reserved space.
  ['a database that is cut off after six pages', () => truncateSync(database(), 6 * pageBytes)],
  ['a database without its beginning', () => garble(database(), 0, 2)],
  ['a database with overwritten pages', () => garble(database(), 2, 6)],
])('a node asks for a new member when its etcd with %s exits a third time', async (_, damage) => {
  const whole = await start(isWhole);
  await fill().finally(whole.close);
  damage();
  const { promise: asked, resolve: notice } = Promise.withResolvers<string>();
  const damaged = await start(async (why) => {
    notice(why);
    throw new Error('there is nobody to ask');
  }, ownRelease());
  const why = await asked.finally(damaged.close);
  expect(why).toMatch(/^its etcd ended \(exit code \d: .+\), as it cannot use its files$/);
  expect(endings()).toHaveLength(3);
  expect(endings()[2]).toBe(`${why.slice(4)}; this node asks for a new member`);
  expect(hasMemberFiles(folder)).toBe(false);
  expect(readdirSync(folder).filter((file) => file.startsWith('etcd.try'))).toEqual([]);
});

describe('a node whose etcd ends again and again', () => {
  const unmount: (() => void)[] = [];
  const mount = (...options: readonly string[]): void => {
    execFileSync('mount', options);
    unmount.unshift(() => execFileSync('umount', options.slice(-1)));
  };
  afterEach(() => {
    jest.restoreAllMocks();
    for (const one of unmount.splice(0)) one();
  });

  const mountDisk = () => mount('-t', 'tmpfs', '-o', 'size=400m,mode=0700', 'tmpfs', folder);
  /**
   * Fills the disk of the node, except for what its own small files need. The returned function
   * frees the space.
   */
  const fillDisk = (): (() => void) => {
    const filler = join(folder, 'filler');
    expect(() => {
      for (;;) appendFileSync(filler, Buffer.alloc(1_048_576));
    }).toThrow('ENOSPC');
    truncateSync(filler, statSync(filler).size - 262_144);
    return () => rmSync(filler);
  };

  type Hindrance = readonly [string, typeof itAsRoot, () => Promise<() => void>, RegExp];
  const hindrances: readonly Hindrance[] = [
    [
      'because its port is taken',
      it,
      async () => {
        const { etcdPort: port } = addressOf(config, 1);
        const server = createServer().listen(port, '127.0.0.1');
        await once(server, 'listening');
        return () => server.close();
      },
      /: the system said: address already in use$/,
    ],
    [
      'because its disk is full',
      itAsRoot,
      async () => fillDisk(),
      /: the system said: no space left on device$/,
    ],
    [
      'because its files cannot be written',
      itAsRoot,
      async () => {
        const files = join(folder, 'etcd');
        mount('--bind', files, files);
        execFileSync('mount', ['-o', 'remount,ro,bind', files]);
        return () => unmount.shift()?.();
      },
      /: the system said: (read-only file system|permission denied)$/,
    ],
  ];
  for (const [cause, itNeeds, hinder, doubt] of hindrances) {
    itNeeds(`${cause} keeps its files, and its etcd serves once the cause is gone`, async () => {
      if (isRoot) mountDisk();
      const whole = await start(isWhole);
      await fill().finally(whole.close);
      const pass = await hinder();
      const hindered = await start(isWhole, ownRelease());
      try {
        await until(async () => {
          // If the disk is full, etcd ends only when it needs more space.
          await put('more', 500_000);
          return endings().length > 3;
        });
        for (const line of endings()) expect(line).toMatch(doubt);
        pass();
        await fill();
      } finally {
        await hindered.close();
      }
    });
  }

  type Doubt = readonly [string, typeof itAsRoot, () => void, () => string, RegExp];
  const doubts: readonly Doubt[] = [
    [
      'while its certificate has expired',
      it,
      () => void jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 11 * 366 * 86_400_000),
      () => ownRelease(),
      /: its certificate is valid from .* to /,
    ],
    [
      'while its disk is full',
      itAsRoot,
      () => void fillDisk(),
      () => ownRelease(),
      /: etcd does not serve an empty folder either: /,
    ],
    [
      'after an upgrade',
      it,
      () => undefined,
      () => '3.0',
      /: etcd 3\.0 last served them, and this is 3\./,
    ],
  ];
  for (const [situation, itNeeds, change, release, doubt] of doubts) {
    itNeeds(
      `${situation} starts etcd again with its damaged files instead of asking for a new member`,
      async () => {
        if (isRoot) mountDisk();
        const whole = await start(isWhole);
        await fill().finally(whole.close);
        garble(database(), 0, 2);
        change();
        const kept = await start(isWhole, release());
        await until(() => endings().length > 3).finally(kept.close);
        for (const line of endings().slice(1)) expect(line).toMatch(doubt);
        expect(hasMemberFiles(folder)).toBe(true);
      },
    );
  }
});
