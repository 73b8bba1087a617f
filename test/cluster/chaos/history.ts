/**
 * The history records what clients asked and how they were answered, one operation on each line.
 * `checker/history.go` reads it.
 */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

type NewValue = { readonly name: string; readonly value: string };
export type Observation = {
  readonly name: string;
  readonly version: number;
  /**
   * The note of a deletion, the instant of a destruction, or the stored value. A list of names
   * shows no values, so there it is empty for a stored version.
   */
  readonly value: string;
  /** Why the version shows no value. Absent for a version whose value is stored. */
  readonly state?: 'deleted' | 'destroyed';
  /** Only in the final read: the `value` of the copy operation that wrote this version. */
  readonly copy?: string;
};

/**
 * No two writes of a run have the same value, so a value shows who wrote it. The value of a
 * deletion is its note.
 */
export type Operation =
  | { readonly kind: 'create'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'update' | 'delete';
      readonly name: string;
      readonly value: string;
      readonly ifMatch?: number;
    }
  | { readonly kind: 'get' | 'versions'; readonly name: string }
  /**
   * Reads or destroys a version by its number, even if it is superseded. Only versions that a reply
   * has shown are destroyed.
   */
  | { readonly kind: 'version' | 'destroy'; readonly name: string; readonly wanted: number }
  /** Asks which of the secrets `reads` have this state. Their names begin with the same word. */
  | { readonly kind: 'list'; readonly reads: readonly string[]; readonly state: ListedState }
  | {
      readonly kind: 'env';
      readonly creates: readonly NewValue[];
      /** The secrets exist, and the values become their next versions. */
      readonly next?: true;
      readonly reads: readonly string[];
    };

type ListedState = 'stored' | 'deleted';

export type Answer =
  | {
      readonly outcome: 'done';
      readonly version?: number;
      /** The versions of the secrets that a file stores, in the order of the file. */
      readonly versions?: readonly number[];
      readonly seen?: readonly Observation[];
    }
  /**
   * The version is destroyed; it is the current one; or it is a deletion, which has no value to
   * destroy.
   */
  | { readonly outcome: 'destroyed' | 'current' | 'empty' }
  | { readonly outcome: 'exists' | 'missing'; readonly names?: readonly string[] }
  | { readonly outcome: 'conflict'; readonly current: number }
  /**
   * `unknown`: it may have taken effect. `nothing`: the reply, or the lack of a connection, shows
   * that it did not.
   */
  | { readonly outcome: 'unknown' | 'nothing' };

/** All versions of a secret, oldest first, read after everything else was over. */
type Final = { readonly kind: 'final'; readonly name: string; readonly outcome: 'done' } & {
  readonly seen: readonly Observation[];
};

type Instants = { readonly client: number; readonly call: number; readonly return: number };
/**
 * Stores the value of `reads[0]` as the next version of `name`. `value` is not what is stored but a
 * unique text that identifies this copy.
 */
export type Copy = {
  readonly kind: 'copy';
  readonly name: string;
  readonly value: string;
  readonly reads: readonly string[];
  readonly next?: true;
  readonly ifMatch?: number;
  readonly wanted?: number;
};
export type Recorded = Instants & (((Operation | Copy) & Answer) | Final);

/**
 * Returns the versions whose values become known by this reply. A list of names and the source of a
 * copy show no values.
 */
export const shownBy = (
  asked: Operation | Copy,
  told: Answer,
): readonly Pick<Observation, 'name' | 'version'>[] => {
  if (told.outcome !== 'done' || asked.kind === 'list') return [];
  const { version, versions = [], seen = [] } = told;
  const creates = asked.kind === 'env' ? asked.creates : [];
  const created = creates.map(({ name }, index) => ({ name, version: versions[index] ?? 0 }));
  const own = 'name' in asked && version !== undefined ? [{ name: asked.name, version }] : [];
  return [...seen.filter(({ value }) => value !== ''), ...created, ...own];
};

/** The clock for all times in a history, in microseconds. It never goes back. */
export const microseconds = (): number => Math.floor(performance.now() * 1_000);

export type History = {
  readonly record: (operation: Recorded) => void;
  /** Ends the file. Returns when everything that was recorded is in it. */
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
