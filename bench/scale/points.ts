/** The growing axes, and the measurements of an operation at each size. */
export const axes = ['versions', 'secrets', 'value', 'names', 'clients', 'writers'] as const;
export type Axis = (typeof axes)[number];

/** The sizes of each axis. */
export const sizes: Readonly<Record<Axis, readonly number[]>> = {
  versions: [1, 10, 100, 1_000, 10_000],
  secrets: [1, 10, 100, 1_000, 10_000, 100_000],
  value: [1, 16, 256, 1_024, 4_096, 16_384, 65_536],
  names: [1, 2, 4, 8, 16, 32, 64, 96],
  clients: [1, 2, 4, 8, 16, 32, 64],
  writers: [1, 2, 4, 8, 16, 32],
};

/** The cost of one operation, exact except for a few bytes of headers: the highest of all measured operations. */
export type Counted = {
  readonly storeCalls: number;
  readonly masterKeyCalls: number;
  readonly reads: number;
  readonly writes: number;
  /** The bytes between the vault and its services, in both directions, with headers. */
  readonly bytes: number;
};

export type Point = {
  readonly axis: Axis;
  readonly size: number;
  readonly operation: string;
  readonly count: number;
  readonly failed: number;
  /** Times are in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Milliseconds of processor time per operation, of all processes of the vault; NaN if unknown. */
  readonly cpu: number;
  /** The share of the machine's processors that other programs used meanwhile, from 0 to 1; NaN if unknown. */
  readonly others: number;
  readonly counted?: Counted;
  /** How often the write of one operation was attempted: on average, and at most. */
  readonly tries?: { readonly mean: number; readonly most: number };
};
