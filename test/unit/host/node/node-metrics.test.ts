import { expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { addNodeMetrics } from '../../../../host/node/node-metrics.ts';
import { type NodeReport, statusOf } from '../../../../host/node/report.ts';
import { metricsIn } from '../../../support/metrics.ts';
import { reportOf } from '../../../support/nodes.ts';

const own = (more: Partial<NodeReport>) => reportOf(2, { appliedRevision: 40, ...more });
const others = [
  reportOf(1, { appliedRevision: 47 }),
  reportOf(3, { appliedRevision: 45, alive: false }),
];

it('the metrics of a node match its own report, and are absent while the values are unknown', async () => {
  let report = own({
    leader: true,
    comparedAt: '2026-11-28T04:00:00.500Z',
    space: { dbBytes: 5, dbBytesInUse: 4, quotaBytes: 9, diskFreeBytes: 7, memoryBytes: 6 },
  });
  const registry = new Registry();
  addNodeMetrics(registry, () => statusOf(2, [...others, report]));
  const states = {
    'vault_node_state state=waiting': 0,
    'vault_node_state state=joining': 0,
    'vault_node_state state=catching-up': 0,
    'vault_node_state state=serving': 0,
    'vault_node_state state=no-majority': 0,
    'vault_node_state state=diverged': 0,
  };
  expect(await metricsIn(registry)).toEqual({
    ...states,
    'vault_node_state state=serving': 1,
    vault_node_leader: 1,
    vault_node_applied_revision: 40,
    vault_node_lag_revisions: 7,
    vault_nodes_alive: 2,
    vault_copies_equal: 1,
    vault_copies_compared_timestamp_seconds: Date.parse('2026-11-28T04:00:00.500Z') / 1_000,
    vault_etcd_database_bytes: 5,
    vault_etcd_database_used_bytes: 4,
    vault_etcd_quota_bytes: 9,
    vault_etcd_resident_memory_bytes: 6,
    vault_disk_free_bytes: 7,
  });
  report = own({ state: 'diverged', etcd: null });
  expect(await metricsIn(registry)).toEqual({
    ...states,
    'vault_node_state state=diverged': 1,
    vault_node_leader: 0,
    vault_nodes_alive: 2,
    vault_copies_equal: 0,
  });
});
