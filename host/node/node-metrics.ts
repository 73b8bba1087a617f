/** The metrics of one node: its own state, and what it knows about the other nodes. */
import { Gauge, type Registry } from 'prom-client';
import { addGauge } from '../http/metrics.ts';
import { type NodeStatus, nodeStates } from './report.ts';

type OwnReport = NodeStatus['nodes'][number];

/**
 * Returns the value of one metric from the node's status. `undefined` means that the value is
 * unknown at the moment; the metric is then absent.
 */
type Measure = (own: OwnReport, status: NodeStatus) => number | undefined;

const secondsOf = (instant: string | null): number | undefined =>
  instant === null ? undefined : Date.parse(instant) / 1_000;

const measures: readonly (readonly [name: string, help: string, measure: Measure])[] = [
  [
    'vault_node_leader',
    'Whether the etcd of this node is the Raft leader.',
    ({ leader }) => Number(leader),
  ],
  [
    'vault_node_applied_revision',
    'The last revision that the etcd of this node has applied.',
    ({ etcd, appliedRevision }) => (etcd === null ? undefined : appliedRevision),
  ],
  [
    'vault_node_lag_revisions',
    'How many revisions this node is behind the most advanced node that it knows.',
    ({ etcd, lag }) => (etcd === null ? undefined : lag),
  ],
  [
    'vault_nodes_alive',
    'The number of nodes that send reports to this node, including itself.',
    (_, { nodes }) => nodes.filter(({ alive }) => alive).length,
  ],
  [
    'vault_copies_equal',
    '0 if two nodes are known to hold different data.',
    (_, { equal }) => Number(equal),
  ],
  [
    'vault_copies_compared_timestamp_seconds',
    'When the copy of this node was last found to be the same as that of a majority.',
    ({ comparedAt }) => secondsOf(comparedAt),
  ],
  [
    'vault_etcd_database_bytes',
    'Size of the database file of etcd.',
    ({ space }) => space?.dbBytes,
  ],
  [
    'vault_etcd_database_used_bytes',
    'The part of the database file that is in use.',
    ({ space }) => space?.dbBytesInUse,
  ],
  [
    'vault_etcd_quota_bytes',
    'The bytes that the data may use; writes are refused above nine tenths of it.',
    ({ space }) => space?.quotaBytes,
  ],
  [
    'vault_etcd_resident_memory_bytes',
    'The memory that etcd uses.',
    ({ space }) => space?.memoryBytes ?? undefined,
  ],
  [
    'vault_disk_free_bytes',
    'Free space on the disk of the data folder.',
    ({ space }) => space?.diskFreeBytes,
  ],
];

/** Adds the metrics of a node. They are read from its status at each scrape. */
export const addNodeMetrics = (registry: Registry, statusNow: () => NodeStatus): void => {
  const registers = [registry];
  const look = (): [OwnReport | undefined, NodeStatus] => {
    const status = statusNow();
    return [status.nodes.find(({ node }) => node === status.node), status];
  };
  for (const [name, help, measure] of measures) {
    addGauge(registry, name, help, () => {
      const [own, status] = look();
      return own && measure(own, status);
    });
  }
  new Gauge({
    name: 'vault_node_state',
    help: 'The state of this node: 1 for its current state. Only a node that is serving answers requests.',
    labelNames: ['state'],
    registers,
    collect() {
      const [own] = look();
      for (const state of nodeStates) this.set({ state }, Number(state === own?.state));
    },
  });
};
