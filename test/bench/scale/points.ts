/** What grows, and what is measured of an operation at each size. */
export const axes = ['versions', 'secrets', 'value', 'names', 'clients', 'writers'] as const;
export type Axis = (typeof axes)[number];

/** How far each axis goes. */
export const sizes: Readonly<Record<Axis, readonly number[]>> = {
  versions: [1, 10, 100, 1_000, 10_000],
  secrets: [1, 10, 100, 1_000, 10_000, 100_000],
  value: [1, 16, 256, 1_024, 4_096, 16_384, 65_536],
  names: [1, 2, 4, 8, 16, 32, 64, 96],
  clients: [1, 2, 4, 8, 16, 32, 64],
  writers: [1, 2, 4, 8, 16, 32],
};

/** What one operation costs: exact, but for the few bytes by which headers differ. The most of all that were made. */
export type Counted = {
  readonly storeCalls: number;
  readonly masterKeyCalls: number;
  readonly reads: number;
  readonly writes: number;
  /** Between the vault and its services, both ways, headers and all. */
  readonly bytes: number;
};

export type Point = {
  readonly axis: Axis;
  readonly size: number;
  readonly operation: string;
  readonly count: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Milliseconds of processor time an operation, of all processes of the vault; NaN where it is not known. */
  readonly cpu: number;
  /** How much of the machine's processors something else used meanwhile, 0 to 1; NaN where it is not known. */
  readonly others: number;
  readonly counted?: Counted;
  /** How often the write of one operation was tried: on the average, and at most. */
  readonly tries?: { readonly mean: number; readonly most: number };
};
