/**
 * What a node remembers over its starts, of itself and of the others, in `node.json`. By it a folder that went back in
 * time, or was emptied, is noticed: the others remember more of the node than it does itself.
 */
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../command.ts';
import { readFileIfPresent, replaceFile } from '../data-folder.ts';

/** The last that a node was heard to be: in its so-manieth start, with so much applied. */
const heard = v.object({ start: v.number(), appliedRevision: v.number() });
type Heard = v.InferOutput<typeof heard>;

/** How two nodes may differ: in the outcomes of the log's entries, or in the items that their stores hold. */
const difference = v.object({
  node: v.number(),
  /** The other one's, which tells whether it was wiped since. */
  start: v.number(),
  of: v.picklist(['outcomes', 'items']),
  /** At which it was first seen. */
  revision: v.number(),
});
export type Difference = v.InferOutput<typeof difference>;

const stored = v.object({
  /** Whose memory it is. */
  node: v.number(),
  /** How many starts have counted. */
  start: v.number(),
  /** Whether it has been in the log, so that a majority has files of one. */
  member: v.boolean(),
  /** Why this node must not serve: it differs from the others. */
  diverged: v.nullable(v.string()),
  /** By what it differs, as long as nobody can tell who is wrong; without it the node itself is. */
  undecided: v.optional(v.array(difference)),
  heard: v.record(v.string(), heard),
});

export type NodeMemory = {
  /** The number of this start, by the node's own count. */
  readonly start: () => number;
  /** Counts on from what another one remembers. */
  readonly startAfter: (start: number) => void;
  /** Whether this node has been in the log, now or in an earlier start. */
  readonly isMember: () => boolean;
  /**
   * The node is in the log: counts this start, before the others are told of it. One that has not come so far leaves no
   * trace: what it found lost, the next one must find lost too.
   */
  readonly enterLog: () => Promise<void>;
  /** By node. */
  readonly heard: () => Readonly<Record<string, Heard>>;
  /** Resolves when the disk holds this or more, also if it was known before. */
  readonly hear: (node: number, said: Heard) => Promise<void>;
  /** A node's log and store begin anew: what was heard of it no longer counts. */
  readonly forget: (node: number) => Promise<void>;
  readonly diverged: () => string | undefined;
  /** `undefined` unless it has diverged and nobody can tell yet who is wrong. */
  readonly undecided: () => readonly Difference[] | undefined;
  /** Until it is wiped, or, if it is undecided, until `setEqual`. */
  readonly setDiverged: (reason: string, undecided?: readonly Difference[]) => Promise<void>;
  readonly setEqual: () => Promise<void>;
};

const parse = (file: string, text: string, node: number): v.InferOutput<typeof stored> => {
  try {
    // One from before, without these, is its node's own, which was in the log.
    return v.parse(stored, { node, member: true, ...JSON.parse(text) });
  } catch {
    throw failure(`${file} is damaged: wipe this node, and it takes its state from the others`);
  }
};

const flush = async (path: string, flags: string, text?: string): Promise<void> => {
  const handle = await open(path, flags, 0o600);
  try {
    if (text !== undefined) await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Replaces a file whole, like `replaceFile`; waits for the disk without holding up requests. */
const replaceFileMeanwhile = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.draft`;
  await flush(draft, 'w', text);
  await rename(draft, file);
  await flush(dirname(file), 'r');
};

/**
 * Opens the memory of the node in `folder`. A change counts at once, and is on the disk when its promise resolves.
 * Throws a sentence if the folder is another node's: two members of the log with the same files would be taken for one.
 */
export const openNodeMemory = (folder: string, node: number): NodeMemory => {
  const file = join(folder, 'node.json');
  const text = readFileIfPresent(file);
  const nothing = { node, start: 0, member: false, diverged: null, heard: {} };
  let state: v.InferOutput<typeof stored> = text === undefined ? nothing : parse(file, text, node);
  if (state.node !== node) {
    const sentence = `the folder ${folder} is node ${state.node}'s, and this is node ${node}`;
    throw failure(
      `${sentence}: put back its own, or delete it, and it takes its state from the others`,
    );
  }
  let start = state.start + 1;
  replaceFile(file, JSON.stringify(state));
  let written: Promise<void> = Promise.resolve();
  const change = async (changed: Partial<typeof state>): Promise<void> => {
    state = { ...state, ...changed };
    const write = () => replaceFileMeanwhile(file, JSON.stringify(state));
    written = written.then(write, write);
    await written;
  };
  /** When all that has changed is on the disk; what failed is written anew. */
  const untilWritten = (): Promise<void> => written.catch(() => change({}));
  return {
    start: () => start,
    startAfter: (other) => {
      start = Math.max(start, other + 1);
    },
    isMember: () => state.member,
    enterLog: () => change({ start, member: true }),
    heard: () => state.heard,
    hear: async (other, said) => {
      const known = state.heard[String(other)] ?? { start: 0, appliedRevision: 0 };
      const isFurther = said.start === known.start && said.appliedRevision > known.appliedRevision;
      if (said.start <= known.start && !isFurther) return await untilWritten();
      await change({ heard: { ...state.heard, [other]: said } });
    },
    forget: (other) => {
      const { [String(other)]: _, ...others } = state.heard;
      return change({ heard: others });
    },
    diverged: () => state.diverged ?? undefined,
    undecided: () => state.undecided,
    setDiverged: (reason, undecided) =>
      change({ diverged: reason, undecided: undecided && [...undecided] }),
    setEqual: () => change({ diverged: null, undecided: undefined }),
  };
};
