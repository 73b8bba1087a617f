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
  /** The names that a file reads; the source of a copy. */
  readonly reads?: readonly string[];
  /** What a file or a copy writes becomes next versions of secrets that exist. */
  readonly next?: true | undefined;
  /** The value for all names that it writes, or the note of a deletion. No other request has it. */
  readonly value?: string;
  readonly ifMatch?: number;
  /** The requested version, if not the latest; the version to destroy or to copy. */
  readonly wanted?: number;
};

export type Entry = Operation & {
  readonly began: number;
  readonly ended: number;
  /** When the store applied the write of this attempt, if it ever did. */
  readonly applied?: number | undefined;
  readonly told: Answer;
};

/** A version in the final table. */
export type Stored = Pick<Observation, 'state'> & {
  readonly version: number;
  readonly value: string;
  readonly writeId: string;
  readonly validFrom: number;
  readonly validTo: number | undefined;
};
export type FinalState = ReadonlyMap<string, readonly Stored[]>;

/** The id of the write of an attempt. */
export const writeIdOf = (began: number): string => `write-${began}`;
