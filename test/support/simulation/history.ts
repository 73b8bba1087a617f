/** What clients of a simulation asked for and were told, with the order of its beginnings and ends. */

/** A version as a reader was told of it. `version` 0: not found. */
export type Seen = {
  readonly name: string;
  readonly version: number;
  readonly value?: string | undefined;
  /** `null`: the reader was told that the interval is open. */
  readonly validTo?: number | null | undefined;
};

export type Told =
  | {
      readonly kind: 'answered';
      readonly written: readonly { readonly name: string; readonly version: number }[];
      readonly seen: readonly Seen[];
      /** The instant that was asked for. */
      readonly at?: number;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly currentVersion?: number;
      /** Of a file: all its names of which that is so. */
      readonly names?: readonly string[];
    }
  /** The process died with the request. */
  | { readonly kind: 'died' };

export type Asked = {
  readonly operation: string;
  /** What it is about; of a file, what it wants to write. */
  readonly names: readonly string[];
  /** What a file reads. */
  readonly reads?: readonly string[];
  /** What it wants to write: one value for all its names, which nothing else writes. */
  readonly value?: string;
  readonly ifMatch?: number;
  /** The version that it asks for, if not the last one. */
  readonly wanted?: number;
};

export type Entry = Asked & { readonly began: number; readonly ended: number; readonly told: Told };

/** A version as the table holds it in the end. */
export type Stored = {
  readonly version: number;
  readonly value: string;
  readonly validFrom: number;
  readonly validTo: number | undefined;
};
export type FinalState = ReadonlyMap<string, readonly Stored[]>;
