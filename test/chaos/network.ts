/** Where the nodes of a run are, how they reach each other, and how they are kept from it. */

/**
 * `peers`: a node hears nothing of the others, nor they of it. `all`: nor do the clients and the master key.
 * `mute`: it hears the others, who do not hear it. `pair`: it and the next node do not hear each other.
 */
export type CutKind = 'peers' | 'all' | 'mute' | 'pair';

type Place = {
  /** Where a node serves its clients. */
  readonly host: string;
  readonly port: number;
  /** Where, within the node, its functions meet the adversary. */
  readonly hostilePort: number;
  /** Where it listens to the other nodes, by which name they know it, and through which proxy it reaches them. */
  readonly peerHost: string;
  readonly knownAs: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly proxy: string | undefined;
};

export type Network = {
  /** Where the master key listens. */
  readonly keyHost: string;
  readonly keyPort: number;
  /** Where the nodes reach it through the adversary. */
  readonly hostileKeyPort: number;
  readonly placeOf: (node: number) => Place;
  /** The command, to be run at the node. */
  readonly at: (node: number, command: readonly string[]) => readonly string[];
  readonly cutKinds: readonly CutKind[];
  /** Cuts a node off until the function that it returns is called. */
  readonly cut: (kind: CutKind, node: number) => () => void;
  /** Every process in it must have ended before. */
  readonly close: () => Promise<void>;
};
