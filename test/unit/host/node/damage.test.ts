import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TlsFiles } from '../../../../host/http/tls.ts';
import {
  createDamageFinder,
  type DamageOptions,
  findObstacle,
} from '../../../../host/node/damage.ts';
import type { NodeConfig } from '../../../../host/node/node-config.ts';
import { findFreePort } from '../../../../host/process/ports.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { configOf } from '../../../support/nodes.ts';

describe('createDamageFinder', () => {
  const create = (more: Partial<DamageOptions> = {}) => {
    const calls: string[] = [];
    const finder = createDamageFinder({
      findServed: () => ({ release: '3.7', revision: 90 }),
      findObstacle: async () => undefined,
      tryEmptyFolder: async () => {
        calls.push('try');
        return '3.7.3';
      },
      doOthersAgree: async (revision) => {
        calls.push(`others at ${revision}`);
        return true;
      },
      ...more,
    });
    /** Lets etcd end this many times, and returns the last reason to doubt its files. */
    const end = async (times: number, refusal?: string) => {
      let doubt: string | undefined;
      for (let time = 0; time < times; time += 1) doubt = await finder.findDoubt(refusal);
      return doubt;
    };
    return { ...finder, calls, end };
  };

  it('reports damage once etcd has ended three times, an etcd has served an empty folder and the other nodes have equal data', async () => {
    const { calls, end } = create();
    expect(await end(1)).toBe('it has ended for the first time');
    expect(calls).toEqual([]);
    expect(await end(1)).toMatch(/^it serves an empty folder/);
    expect(await end(1)).toBeUndefined();
    expect(calls).toEqual(['try', 'others at 90']);
  });

  it.each<[string, Partial<DamageOptions>, string]>([
    [
      'no etcd has served the files',
      { findServed: () => undefined },
      'no etcd has served these files yet',
    ],
    [
      'another minor release of etcd last served them',
      { findServed: () => ({ release: '3.6', revision: 90 }) },
      'etcd 3.6 last served them, and this is 3.7',
    ],
    ['the port is taken', { findObstacle: async () => 'port 1 is taken' }, 'port 1 is taken'],
    [
      'a file may not be opened',
      { findObstacle: () => Promise.reject(new Error('EACCES: db')) },
      'EACCES: db',
    ],
    [
      'etcd does not serve an empty folder either',
      { tryEmptyFolder: () => Promise.reject(new Error('it does not answer')) },
      'it does not answer',
    ],
    [
      'the other nodes do not agree on the data',
      { doOthersAgree: async () => false },
      'the other nodes are no majority with equal data of revision 90 or later',
    ],
  ])('does not blame the files, however often etcd ends, while %s', async (_, more, doubt) => {
    const { end } = create(more);
    for (const times of [3, 1, 10]) expect(await end(times)).toBe(doubt);
  });

  it('ignores an ending of etcd that a system error explains, and all endings before it', async () => {
    const { calls, end } = create();
    expect(await end(9, 'no space left on device')).toBe(
      'the system said: no space left on device',
    );
    await end(2);
    await end(1, 'address already in use');
    await end(2);
    expect(calls).toEqual(['try', 'try']);
    expect(await end(1)).toBeUndefined();
  });

  it('waits for etcd to end again after each try of an empty folder, because an obstacle may just have gone', async () => {
    const obstacles = ['it is full', 'it is full', undefined, undefined, 'it is full'];
    const { end, calls } = create({ findObstacle: async () => obstacles.shift() });
    expect(await end(3)).toBe('it is full');
    expect(await end(1)).toMatch(/^it serves an empty folder/);
    obstacles.shift();
    expect(await end(1)).toBe('it is full');
    expect(await end(1)).toMatch(/^it serves an empty folder/);
    expect(await end(1)).toBeUndefined();
    expect(calls).toEqual(['try', 'try', 'others at 90']);
  });

  it('starts counting the endings of etcd anew once etcd has served', async () => {
    const { end, forget } = create();
    await end(2);
    forget();
    expect(await end(1)).toBe('it has ended for the first time');
    expect(await end(1)).toMatch(/^it serves an empty folder/);
    expect(await end(1)).toBeUndefined();
  });

  it('asks the other nodes again when etcd ends again, if they did not agree on the data before', async () => {
    const answers = [false, false, true];
    const { end, calls } = create({ doOthersAgree: async () => answers.shift() ?? false });
    expect(await end(4)).toMatch(/^the other nodes/);
    expect(await end(1)).toBeUndefined();
    expect(calls).toEqual(['try']);
  });
});

describe('findObstacle, when etcd does not start,', () => {
  let tls: TlsFiles;
  let config: NodeConfig;
  let folder: string;
  const database = () => join(folder, 'etcd', 'member', 'snap', 'db');
  const look = () => findObstacle({ config, folder, tls });
  beforeEach(async () => {
    tls = await freshCertificates(['127.0.0.1']);
    folder = freshFolder();
    mkdirSync(join(database(), '..'), { recursive: true });
    writeFileSync(database(), 'pages');
    const etcdPort = await findFreePort();
    config = configOf(1, 1, { nodes: [{ node: 1, host: '127.0.0.1', etcdPort, peerPort: 1 }] });
  });
  afterEach(() => void jest.restoreAllMocks());

  it('finds nothing if every file can be written and the port is free', async () => {
    expect(await look()).toBeUndefined();
  });

  it('names the port of etcd if it is taken', async () => {
    const etcdPort = config.nodes[0]?.etcdPort ?? 0;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(etcdPort, '127.0.0.1', resolve));
    expect(await look()).toBe(`port ${etcdPort} is taken`);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['has expired', 11],
    ['is not valid yet', -1],
  ])('names a certificate that %s', async (_, years) => {
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + years * 366 * 86_400_000);
    expect(await look()).toMatch(/^its certificate is valid from .* to /);
  });

  it('throws for a file that this process may not write', async () => {
    chmodSync(database(), 0o400);
    // Root may write to every file, so if this process is root, it becomes another user for a
    // moment. That user may not enter the parent folders, so the process works in the folder
    // itself.
    const isRoot = process.geteuid?.() === 0;
    for (const path of ['', 'etcd', 'etcd/member', 'etcd/member/snap']) {
      chmodSync(join(folder, path), 0o755);
    }
    const before = process.cwd();
    process.chdir(folder);
    if (isRoot) process.seteuid?.(65_534);
    try {
      await expect(findObstacle({ config, folder: '.', tls })).rejects.toThrow(/EACCES.*snap.db/);
    } finally {
      if (isRoot) process.seteuid?.(0);
      process.chdir(before);
    }
  });
});
