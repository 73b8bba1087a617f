/** The requests and answers of simulated clients, with the order in which they began and ended. */

/** A version as a reader saw it; 0 means not found. */
export type Observation = {
  readonly name: string;
  readonly version: number;
  /** The note of a deletion, the instant of a destruction. */
  readonly value?: string | undefined;
  /** Absent for a stored version. */
  readonly state?: 'deleted' | 'destroyed' | undefined;
  /** `null` means that the interval was still open. */
  readonly validTo?: number | null | undefined;
};

export type Answer =
  | {
      readonly kind: 'answered';
      readonly written: readonly { readonly name: string; readonly version: number }[];
      readonly seen: readonly Observation[];
      /** The requested instant. */
      readonly at?: number;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly currentVersion?: number;
      /** For a file, all names that the refusal lists. */
      readonly names?: readonly string[];
    }
  /** The process died during the request. */
  | { readonly kind: 'died' };

export type Operation = {
  readonly operation: string;
  /** The names that the request is about; for a file, the names that it writes. */
  readonly names: readonly string[];
  /** The names that a file reads. */
  readonly reads?: readonly string[];
  /** What a file writes becomes next versions of secrets that exist. */
  readonly next?: true | undefined;
  /** The value for all names that it writes, or the note of a deletion. No other request writes it. */
  readonly value?: string;
  readonly ifMatch?: number;
  /** The requested version, if not the latest; the version to destroy. */
  readonly wanted?: number;
};

export type Entry = Operation & {
  readonly began: number;
  readonly ended: number;
  readonly told: Answer;
};

/** A version in the final table. */
export type Stored = Pick<Observation, 'state'> & {
  readonly version: number;
  readonly value: string;
  readonly validFrom: number;
  readonly validTo: number | undefined;
};
export type FinalState = ReadonlyMap<string, readonly Stored[]>;
