/** The network of a run: the addresses of its nodes, and how nodes are cut off from each other. */

/**
 * `peers`: a node hears nothing of the others, nor they of it. `all`: nor do the clients.
 * `mute`: it hears the others, who do not hear it. `pair`: it and the next node do not hear each other.
 */
export type CutKind = 'peers' | 'all' | 'mute' | 'pair';

type Place = {
  /** A node serves its clients here. */
  readonly host: string;
  readonly port: number;
  /** The node listens to the other nodes here. `knownAs` is its name for them, `proxy` its way to them. */
  readonly peerHost: string;
  readonly knownAs: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly proxy: string | undefined;
};

export type Network = {
  /** The program of the master key of 1.0.0 listens here. */
  readonly keyHost: string;
  readonly keyPort: number;
  readonly placeOf: (node: number) => Place;
  /** The command, to be run at the node. */
  readonly at: (node: number, command: readonly string[]) => readonly string[];
  readonly cutKinds: readonly CutKind[];
  /** Cuts a node off until the function that it returns is called. */
  readonly cut: (kind: CutKind, node: number) => () => void;
  /** Every process in it must have ended before. */
  readonly close: () => Promise<void>;
};
