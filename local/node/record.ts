/**
 * What a node keeps of itself and of the others over its starts, in `node.json`. By it the others notice a folder that
 * was wiped or put back to an older copy: they remember more of the node than its own files do.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile, replaceFileMeanwhile } from '../../system/files.ts';
import { type HeardReport, heardReport } from './report.ts';

const stored = v.object({
  /** The node that the folder belongs to. */
  node: v.number(),
  /** The number of its last start that the others may have heard of. */
  start: v.number(),
  /** Whether it has been in the cluster. */
  member: v.boolean(),
  /** The last reports that it heard, by node. */
  heard: v.record(v.string(), heardReport),
  /** The cluster that its data are of. A record of before 1.0.0 does not say it. */
  cluster: v.optional(v.string()),
});
type Stored = v.InferOutput<typeof stored>;

export type NodeRecord = {
  /** The number of this start. */
  readonly start: () => number;
  /** Makes this start's number higher than one that another node remembers. */
  readonly startAfter: (start: number) => void;
  /** Whether this node has been in the cluster, now or in an earlier start. */
  readonly isMember: () => boolean;
  /**
   * The node is in the cluster: keeps the number of this start, before the others hear of it. A start that ends earlier
   * leaves no trace, so the next start finds again whatever this one found.
   */
  readonly enterCluster: () => Promise<void>;
  /** The last reports that it heard, by node. */
  readonly heard: () => Readonly<Record<string, HeardReport>>;
  /** Resolves when the disk holds this report or a later one. */
  readonly hear: (node: number, report: HeardReport) => Promise<void>;
  /** Forgets what was heard of a node whose member was replaced. */
  readonly forget: (node: number) => Promise<void>;
};

const parse = (file: string, text: string): Stored => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    throw failure(`${file} is damaged: wipe this node, and it takes its data from the others`);
  }
};

const fileOf = (folder: string): string => join(folder, 'node.json');

/**
 * The cluster that the data of a node's folder are of; `undefined` if the folder does not say it. Throws a sentence if
 * the record is damaged.
 */
export const findClusterOf = (folder: string): string | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(fileOf(folder), text).cluster;
};

/**
 * Opens the record of the node in `folder`. A change counts at once, and is on the disk when its promise resolves.
 * Throws a sentence if the folder belongs to another node, because two members with the same files would be taken for
 * one, or if its data are of another cluster, such as the one before a restore.
 */
export const openNodeRecord = (folder: string, node: number, cluster: string): NodeRecord => {
  const file = fileOf(folder);
  const text = readFileIfPresent(file);
  let state: Stored =
    text === undefined
      ? { node, start: 0, member: false, heard: {}, cluster }
      : { cluster, ...parse(file, text) };
  if (state.node !== node) {
    const sentence = `the folder ${folder} belongs to node ${state.node}, and this is node ${node}`;
    throw failure(
      `${sentence}: put back its own, or delete it, and it takes its data from the others`,
    );
  }
  if (state.cluster !== cluster) {
    throw failure(
      `the folder ${folder} holds the data of another cluster than the one of cluster.json: if the other nodes serve, put ` +
        'the folder aside, and this node takes their data; if none does, put back the cluster.json that belongs to the folders',
    );
  }
  let start = state.start + 1;
  replaceFile(file, JSON.stringify(state));
  let written: Promise<void> = Promise.resolve();
  const change = async (changed: Partial<Stored>): Promise<void> => {
    state = { ...state, ...changed };
    const write = () => replaceFileMeanwhile(file, JSON.stringify(state));
    written = written.then(write, write);
    await written;
  };
  return {
    start: () => start,
    startAfter: (other) => {
      start = Math.max(start, other + 1);
    },
    isMember: () => state.member,
    enterCluster: () => change({ start, member: true }),
    heard: () => state.heard,
    hear: async (other, report) => {
      const known = state.heard[String(other)] ?? { start: 0, counter: 0 };
      const isLater =
        report.start > known.start ||
        (report.start === known.start && report.counter > known.counter);
      // If the last change did not reach the disk, this writes it again.
      if (!isLater) return await written.catch(() => change({}));
      await change({ heard: { ...state.heard, [other]: report } });
    },
    forget: (other) => {
      const { [String(other)]: _, ...others } = state.heard;
      return change({ heard: others });
    },
  };
};
