import { beforeEach, describe, expect, it } from '@jest/globals';
import { createEtcd } from '../../../../local/etcd/group-commit.ts';
import {
  createUpkeep,
  startUpkeep,
  type UpkeepOptions,
  type UpkeepReport,
} from '../../../../local/node/upkeep.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';
import { memberCallsOf, memberStatus, reportOf } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

let revision: number;
let compacted: number[];
let alarmError: Error | undefined;
let statusError: Error | undefined;
let state: UpkeepReport['state'];
let lines: string[];
let options: UpkeepOptions;
beforeEach(() => {
  revision = 0;
  compacted = [];
  alarmError = undefined;
  statusError = undefined;
  state = 'serving';
  lines = [];
  const etcd = createMemoryEtcd();
  options = {
    node: 1,
    nodeCount: 3,
    quotaBytes: 1_000,
    etcd,
    deletions: createEtcd({ client: etcd, onGoneBack: () => undefined }),
    reports: () => [reportOf(1, { state }), reportOf(2), reportOf(3)],
    onDefragmenting: () => undefined,
    report: (line) => lines.push(line),
    member: memberCallsOf({
      status: async () => {
        if (statusError) throw statusError;
        revision += 20_000;
        return { ...memberStatus, revision, isLeader: true, dbBytes: 0 };
      },
      compact: async (to) => void compacted.push(to),
      hasSpaceAlarm: async () => {
        if (alarmError) throw alarmError;
        return false;
      },
    }),
  };
});

describe('the upkeep of a node', () => {
  it('reports a failing task once until it succeeds again, and runs the other tasks', async () => {
    const work = createUpkeep(options);
    alarmError = new Error('no leader');
    await work();
    await work();
    const line = "ending etcd's space alarm failed and is tried again each minute: no leader";
    expect(lines).toEqual([line]);
    expect(compacted).toEqual([20_000]);
    alarmError = undefined;
    await work();
    alarmError = new Error('no leader');
    await work();
    expect(lines).toEqual([line, line]);
  });

  it('skips a minute in which the member does not answer', async () => {
    const work = createUpkeep(options);
    await work();
    statusError = new Error('no connection');
    await work();
    expect([compacted, lines]).toEqual([[], []]);
  });

  it('skips a minute in which the node does not serve, though the other nodes do', async () => {
    const work = createUpkeep(options);
    await work();
    state = 'diverged';
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
