/**
 * The node's own member from its first start on: what happens when etcd exits, and how a new member
 * replaces a lost one (replacing.ts).
 */
import { type ClusterFile, clusterIdOf } from './cluster-file.ts';
import type { DamageFinder } from './damage.ts';
import type { KnownRevision } from './known-revision.ts';
import type { Member, startMember } from './member.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import type { PeerCall } from './peers.ts';
import { askForMember } from './replacing.ts';
import type { NodeState } from './state.ts';
import type { EtcdWatch } from './watching.ts';

export type OwnMemberOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  readonly cluster: ClusterFile;
  readonly startMember: typeof startMember;
  readonly ask: PeerCall;
  readonly state: NodeState;
  readonly watch: Pick<EtcdWatch, 'forgetComparison'>;
  readonly known: Pick<KnownRevision, 'forget'>;
  readonly damage: Pick<DamageFinder, 'findDoubt'>;
  readonly report: (line: string) => void;
  /** Called with the reason if etcd cannot be kept running. */
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal;
};

/**
 * Creates the object that runs this node's etcd from the call of `start` to the call of `close`.
 */
export const createOwnMember = (options: OwnMemberOptions) => {
  const { config, folder, cluster, startMember, ask, state, watch, known, damage } = options;
  const { report, fail, signal } = options;
  let running: Member | undefined;
  const replace = async (why: string): Promise<string> => {
    state.change('joining', why);
    const onRefused = (refusal: string) =>
      state.change('joining', `${why}; it has no new member yet: ${refusal}`);
    const asked = { node: config.node, others: othersOf(config) };
    const { cluster: members } = await askForMember({ ...asked, ask, onRefused, signal });
    known.forget();
    return members;
  };
  return {
    /** Starts etcd. `lost` says why its files must not be used, so that a new member is needed. */
    start: async (lost: string | undefined): Promise<void> => {
      const place = { config, folder, tls: cluster.tls, clusterId: clusterIdOf(cluster) };
      running = await startMember(
        {
          ...place,
          onLost: replace,
          onEnded: (how) => {
            watch.forgetComparison();
            state.change('catching-up', how);
          },
          findDoubt: damage.findDoubt,
          report,
          onFailed: fail,
        },
        lost,
      );
    },
    /** The memory that etcd uses; `null` if it does not run or the system does not report it. */
    memoryBytes: (): number | null => running?.memoryBytes() ?? null,
    close: async (): Promise<void> => await running?.close(),
  };
};
