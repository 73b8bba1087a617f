import { describe, expect, it } from '@jest/globals';
import { statusRows } from '../../../cli/commands/status.ts';

const status = {
  status: 'ok',
  version: '2.0.0',
  commit: null,
  store: { reachable: true, latencyMs: 4 },
  masterKey: { reachable: true, id: 'k1' },
} as const;
const policy = { source: 'file', digest: 'd', since: '2026-11-28T00:00:00.000Z' } as const;

describe('dsvault status', () => {
  it('shows each fault of a refused policy on its own line, and that the old policy is still in use', () => {
    const about = 'file, since 2026-11-28T00:00:00.000Z';
    const rowsWith = (fault: string | null) =>
      statusRows({ ...status, policy: { ...policy, fault } }).slice(3);
    expect(rowsWith(null)).toEqual([['access policy', 'ok', about]]);
    expect(rowsWith('line 8: a\nline 14: b')).toEqual([
      ['access policy', 'old', about],
      ['', '', 'line 8: a'],
      ['', '', 'line 14: b'],
    ]);
  });

  it('shows the version of the vault, and its commit if it knows that', () => {
    const commit = 'a1'.repeat(20);
    expect(statusRows(status)[0]).toEqual(['vault', 'ok', '2.0.0']);
    expect(statusRows({ ...status, commit })[0]).toEqual([
      ...['vault', 'ok'],
      `2.0.0, commit ${commit}`,
    ]);
  });

  it('shows each node of a vault on its own line, with the memory of its etcd', () => {
    const bytes = { dbBytes: 1e9, dbBytesInUse: 20_480, quotaBytes: 8e9, diskFreeBytes: 1 };
    const first = {
      ...{ node: 1, alive: true, leader: true, state: 'serving' as const, reason: null, start: 1 },
      ...{ appliedRevision: 7, lag: 0, mayReadStale: false, digest: null, comparedAt: null },
      ...{ etcd: '3.7.3', space: { ...bytes, memoryBytes: 41e6 } },
      ...{ masterKey: 'usable' as const, certificateEndsAt: '2036-11-24T12:00:00.000Z' },
    };
    const second = {
      ...{ ...first, node: 2, leader: false, state: 'catching-up' as const, reason: 'it compares' },
      ...{ masterKey: 'missing' as const, certificateEndsAt: '2026-01-01T00:00:00.000Z' },
    };
    const third = {
      ...{ ...first, node: 3, alive: false, leader: false, appliedRevision: 5, lag: 2 },
      ...{ etcd: null, space: null },
    };
    const nodes = [first, second, third];
    const space = 'etcd 3.7.3, memory 41.0 MB, database 20.5 kB of 8.0 GB';
    const faults = 'master key missing, certificate ends at 2026-01-01T00:00:00.000Z, it compares';
    const rowsWith = (equal: boolean) => statusRows({ ...status, node: { node: 2, equal, nodes } });
    expect(rowsWith(true)).toEqual([
      ['vault', 'ok', '2.0.0, as node 2 knows it'],
      ['store', 'ok', '4 ms'],
      ['master key', 'ok', 'k1'],
      ['copies', 'ok', ''],
      ['node 1', 'serving', `leads, revision 7, 0 behind, ${space}`],
      ['node 2', 'catching-up', `follows, revision 7, 0 behind, ${space}, ${faults}`],
      ['node 3', 'no answer', 'follows, revision 5, 2 behind'],
    ]);
    expect(rowsWith(false)[3]).toEqual(['copies', 'THEY DIFFER', '']);
  });
});
