/**
 * The network of a run: the addresses of its nodes, and the ways to cut nodes off from each other.
 */

/**
 * `peers`: a node and the others do not receive anything from each other. `all`: in addition,
 * clients cannot reach the node. `mute`: the node receives from the others, but they do not receive
 * from it. `pair`: the node and the next one do not receive anything from each other.
 */
export type CutKind = 'peers' | 'all' | 'mute' | 'pair';

type Place = {
  /** Where the node serves its clients. */
  readonly host: string;
  readonly port: number;
  /**
   * Where the node listens for the other nodes. They know it as `knownAs`, and it reaches them
   * through `proxy`.
   */
  readonly peerHost: string;
  readonly knownAs: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly proxy: string | undefined;
};

export type Network = {
  readonly placeOf: (node: number) => Place;
  /** Returns the command that runs `command` where the node is. */
  readonly at: (node: number, command: readonly string[]) => readonly string[];
  readonly cutKinds: readonly CutKind[];
  /** Cuts a node off until the returned function is called. */
  readonly cut: (kind: CutKind, node: number) => () => void;
  /** Removes the network. Every process in it must have ended. */
  readonly close: () => Promise<void>;
};
