/** The operations that the story of `npm run demo` needs of a cluster, independent of how its nodes run. */
import type { ClusterStatus } from '../cluster/status.ts';

export type Nodes = {
  /** The vaults' addresses, beginning with node 1. */
  readonly urls: readonly string[];
  /** Ends a node and its children at once, as a power cut would. */
  readonly kill: (node: number) => Promise<void>;
  /** Starts a node that was killed; does not wait until it serves. */
  readonly start: (node: number) => Promise<void>;
  readonly disableKey: () => Promise<void>;
  readonly enableKey: () => Promise<void>;
  readonly status: () => Promise<ClusterStatus>;
  /** A token with the scopes `secrets:read` and `secrets:write`, good for at least 20 minutes. */
  readonly tokenOf: (tenant: string) => Promise<string>;
  /** Ends the cluster, and removes everything that was made only for the demo. */
  readonly close: () => Promise<void>;
};
