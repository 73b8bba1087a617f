/**
 * The history of simulated clients: what `test/cluster/chaos/history.ts` records, and what only a
 * simulation can know.
 */
import type { Answer, Copy, Observation, Operation } from '../../cluster/chaos/history.ts';

export type Asked = Operation | Copy;

/** A version with its interval. `null` means that the interval was still open. */
export type Seen = Observation & { readonly validTo?: number | null };

export type Told =
  | Exclude<Answer, { readonly outcome: 'done' }>
  | (Extract<Answer, { readonly outcome: 'done' }> & {
      readonly seen: readonly Seen[];
      /** The instant as of which the request reads, if it does. */
      readonly at?: number;
    });

/** One attempt of a request. Its times are numbers of events. */
export type Entry = {
  /** The id of the request, which is the same for all its attempts. */
  readonly request: string;
  readonly asked: Asked;
  /**
   * True for a read as of an instant and for a list that begins with the oldest version: these say
   * nothing about the moment of the request.
   */
  readonly isTimeless: boolean;
  readonly began: number;
  readonly ended: number;
  /** When the store applied the write of this attempt, if it ever did. */
  readonly applied?: number | undefined;
  readonly told: Told;
};

/** A version as it is in the table at the end of the simulation. */
export type Stored = Observation & {
  readonly writeId: string;
  readonly validFrom: number;
  readonly validTo: number | undefined;
};
export type FinalState = ReadonlyMap<string, readonly Stored[]>;

/** Returns the id of the write that the attempt makes which began at the event with this number. */
export const writeIdOf = (began: number): string => `write-${began}`;
