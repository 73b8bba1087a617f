/**
 * What a node remembers over its starts, of itself and of the others, in `node.json`. By it a folder that went back in
 * time, or was emptied, is noticed: the others remember more of the node than it does itself.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../command.ts';
import { readFileIfPresent, replaceFile } from '../data-folder.ts';

/** The last that a node was heard to be: in its so-manieth start, with so much applied. */
const heard = v.object({ start: v.number(), appliedRevision: v.number() });
type Heard = v.InferOutput<typeof heard>;

const stored = v.object({
  start: v.number(),
  /** Why this node must not serve: it differs from the others. */
  diverged: v.nullable(v.string()),
  heard: v.record(v.string(), heard),
});

export type NodeMemory = {
  /** How often this node was started, by its own count. */
  readonly start: () => number;
  /** Counts on from what another one remembers. */
  readonly startAfter: (start: number) => void;
  /** By node. */
  readonly heard: () => Readonly<Record<string, Heard>>;
  readonly hear: (said: ReadonlyMap<number, Heard>) => void;
  /** A node's log and store begin anew: what was heard of it no longer counts. */
  readonly forget: (node: number) => void;
  readonly diverged: () => string | undefined;
  readonly setDiverged: (reason: string) => void;
};

const parse = (file: string, text: string): v.InferOutput<typeof stored> => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    throw failure(`${file} is damaged: wipe this node, and it takes its state from the others`);
  }
};

/** Opens the memory of the node in `folder` and counts this start. What is said is on the disk when a call returns. */
export const openNodeMemory = (folder: string): NodeMemory => {
  const file = join(folder, 'node.json');
  const text = readFileIfPresent(file);
  let state = text === undefined ? { start: 0, diverged: null, heard: {} } : parse(file, text);
  const change = (changed: Partial<typeof state>): void => {
    state = { ...state, ...changed };
    replaceFile(file, JSON.stringify(state));
  };
  change({ start: state.start + 1 });
  return {
    start: () => state.start,
    startAfter: (start) => change({ start: Math.max(state.start, start + 1) }),
    heard: () => state.heard,
    hear: (said) => {
      const news = [...said].filter(([node, { start, appliedRevision }]) => {
        const known = state.heard[node] ?? { start: 0, appliedRevision: 0 };
        const isFurther = start === known.start && appliedRevision > known.appliedRevision;
        return start > known.start || isFurther;
      });
      if (news.length > 0) change({ heard: { ...state.heard, ...Object.fromEntries(news) } });
    },
    forget: (node) => {
      const { [String(node)]: _, ...others } = state.heard;
      change({ heard: others });
    },
    diverged: () => state.diverged ?? undefined,
    setDiverged: (reason) => change({ diverged: reason }),
  };
};
