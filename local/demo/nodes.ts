/** What the story of `npm run demo` needs of a cluster, however its nodes are run. */
import type { ClusterStatus } from '../cluster/status.ts';

export type Nodes = {
  /** The vaults' addresses, of node 1 first. */
  readonly urls: readonly string[];
  /** Ends a node as a power cut would, at once and whole. */
  readonly kill: (node: number) => Promise<void>;
  /** Starts a node that was killed; does not wait until it serves. */
  readonly start: (node: number) => Promise<void>;
  readonly disableKey: () => Promise<void>;
  readonly enableKey: () => Promise<void>;
  readonly status: () => Promise<ClusterStatus>;
  /** A token with the scopes `secrets:read` and `secrets:write`, good for at least 20 minutes. */
  readonly tokenOf: (tenant: string) => Promise<string>;
  /** Ends all of it, and removes what was only made for the demo. */
  readonly close: () => Promise<void>;
};
