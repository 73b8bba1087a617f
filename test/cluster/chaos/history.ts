/** The history: what clients asked and were told, one operation a line. `checker/history.go` reads it. */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

type NewValue = { readonly name: string; readonly value: string };
export type Observation = {
  readonly name: string;
  readonly version: number;
  /** The note of a deletion, the instant of a destruction. Empty for a stored version in a list of names. */
  readonly value: string;
  /** Absent for a stored version. */
  readonly state?: 'deleted' | 'destroyed';
  /** At the end: the copy that wrote the version. */
  readonly copy?: string;
};

/** No two writes of a run have the same value: it tells who wrote what is seen. The value of a deletion is its note. */
export type Operation =
  | { readonly kind: 'create'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'update' | 'delete';
      readonly name: string;
      readonly value: string;
      readonly ifMatch?: number;
    }
  | { readonly kind: 'get' | 'versions'; readonly name: string }
  /** A version by its number, whatever came after it. A destruction only names versions that a reply has shown. */
  | { readonly kind: 'version' | 'destroy'; readonly name: string; readonly wanted: number }
  /** Asks which of the secrets `reads` have that state. Their names begin alike. */
  | { readonly kind: 'list'; readonly reads: readonly string[]; readonly state: ListedState }
  | {
      readonly kind: 'env';
      readonly creates: readonly NewValue[];
      /** The values become next versions of secrets that exist. */
      readonly next?: true;
      readonly reads: readonly string[];
    };

type ListedState = 'stored' | 'deleted';

export type Answer =
  | {
      readonly outcome: 'done';
      readonly version?: number;
      /** The versions of the secrets that a file creates, in its order. */
      readonly versions?: readonly number[];
      readonly seen?: readonly Observation[];
    }
  /** The version is destroyed, or is the current one, or is a deletion, which holds nothing to destroy. */
  | { readonly outcome: 'destroyed' | 'current' | 'empty' }
  | { readonly outcome: 'exists' | 'missing'; readonly names?: readonly string[] }
  | { readonly outcome: 'conflict'; readonly current: number }
  /** `unknown`: it may have taken place. `nothing`: the reply, or the lack of a connection, says that it did not. */
  | { readonly outcome: 'unknown' | 'nothing' };

/** All versions of a secret, from the first, read when all was over. */
type Final = { readonly kind: 'final'; readonly name: string; readonly outcome: 'done' } & {
  readonly seen: readonly Observation[];
};

type Instants = { readonly client: number; readonly call: number; readonly return: number };
/** Stores the value of `reads[0]` as the next version of `name`. The text `value` is its own. */
type Copy = {
  readonly kind: 'copy';
  readonly name: string;
  readonly value: string;
  readonly reads: readonly string[];
  readonly next?: true;
  readonly ifMatch?: number;
  readonly wanted?: number;
};
export type Recorded = Instants & (((Operation | Copy) & Answer) | Final);

/** The one clock of a history: microseconds that never go back. */
export const microseconds = (): number => Math.floor(performance.now() * 1_000);

export type History = {
  readonly record: (operation: Recorded) => void;
  /** Returns when all of it is in the file. */
  readonly close: () => Promise<void>;
};

export const openHistory = (file: string): History => {
  const stream = createWriteStream(file, { mode: 0o600 });
  return {
    record: (operation) => void stream.write(`${JSON.stringify(operation)}\n`),
    close: async () => {
      stream.end();
      await finished(stream);
    },
  };
};
