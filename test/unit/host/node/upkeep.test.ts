import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EtcdClient } from '../../../../host/etcd/etcd-client.ts';
import { createEtcd } from '../../../../host/etcd/group-commit.ts';
import { createUpkeep, startUpkeep, type UpkeepOptions } from '../../../../host/node/upkeep.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';
import { memberCallsOf, memberStatus } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

let revision: number;
let compacted: number[];
let compactError: Error | undefined;
let deletionError: Error | undefined;
let statusError: Error | undefined;
let isServing: boolean;
let lines: string[];
let options: UpkeepOptions;
beforeEach(() => {
  revision = 0;
  compacted = [];
  compactError = undefined;
  deletionError = undefined;
  statusError = undefined;
  isServing = true;
  lines = [];
  const etcd = createMemoryEtcd();
  const expired: EtcdClient = {
    ...etcd,
    range: async (...call) => {
      if (deletionError) throw deletionError;
      return await etcd.range(...call);
    },
  };
  options = {
    quotaBytes: 1_000,
    etcd,
    deletions: createEtcd({ client: expired, onGoneBack: () => undefined }),
    isServing: () => isServing,
    report: (line) => lines.push(line),
    member: memberCallsOf({
      status: async () => {
        if (statusError) throw statusError;
        revision += 20_000;
        return { ...memberStatus, revision, isLeader: true, dbBytesInUse: 0 };
      },
      compact: async (to) => {
        if (compactError) throw compactError;
        compacted.push(to);
      },
    }),
  };
});

describe('the upkeep of a node', () => {
  it('reports a task that fails repeatedly only once, until it has succeeded again', async () => {
    const work = createUpkeep(options);
    compactError = new Error('no leader');
    for (const _ of [1, 2, 3]) await work();
    const line = 'compacting etcd failed and is tried again each minute: no leader';
    expect(lines).toEqual([line]);
    compactError = undefined;
    await work();
    expect(compacted).toEqual([60_000]);
    compactError = new Error('no leader');
    await work();
    expect(lines).toEqual([line, line]);
  });

  it('runs the other tasks when one fails', async () => {
    const work = createUpkeep(options);
    deletionError = new Error('no leader');
    for (const _ of [1, 2]) await work();
    expect(lines).toEqual([expect.stringMatching(/^deleting expired items failed .*: no leader$/)]);
    expect(compacted).toEqual([20_000]);
  });

  it('skips a minute in which the member does not answer', async () => {
    const work = createUpkeep(options);
    await work();
    statusError = new Error('no connection');
    await work();
    expect([compacted, lines]).toEqual([[], []]);
  });

  it('skips a minute in which the node does not serve', async () => {
    const work = createUpkeep(options);
    await work();
    isServing = false;
    await work();
    expect([revision, compacted]).toEqual([20_000, []]);
  });

  it('repeats its work until its signal aborts', async () => {
    const stop = new AbortController();
    const ended = startUpkeep(options, stop.signal, 1);
    await until(() => compacted.length >= 3);
    stop.abort();
    await ended;
    const { length } = compacted;
    await startUpkeep(options, stop.signal, 1);
    expect(compacted).toHaveLength(length);
  });
});
