/**
 * `node.json`: what a node remembers about itself and the other nodes across restarts. If the
 * folder of another node was wiped or replaced by an older copy, its files have lower numbers than
 * this record, or none. joining.ts compares them.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { misconfigured } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile, replaceFileMeanwhile } from '../../system/files.ts';
import { type HeardReport, heardReport } from './report.ts';

const stored = v.object({
  /** The node that the folder belongs to. */
  node: v.number(),
  /** The number of this node's last start that the other nodes may know of. */
  start: v.number(),
  /** Whether this node has ever been in the cluster. */
  member: v.boolean(),
  /** For each other node, the start number and the counter of the last report from it. */
  heard: v.record(v.string(), heardReport),
  /** The cluster that its data belongs to. */
  cluster: v.string(),
});
type NodeFile = v.InferOutput<typeof stored>;

export type NodeRecord = {
  /** Returns the number of this start of the node. */
  readonly start: () => number;
  /** Raises the number of this start above one that another node remembers of an earlier start. */
  readonly startAfter: (start: number) => void;
  /** Whether this node has been in the cluster, in this or an earlier start. */
  readonly isMember: () => boolean;
  /**
   * Records that the node is in the cluster, and the number of this start, before the others
   * receive that number. A start that ends earlier leaves no trace, so the next one begins from the
   * same state.
   */
  readonly enterCluster: () => Promise<void>;
  /** Returns what is remembered of the last report of each node. */
  readonly heard: () => Readonly<Record<string, HeardReport>>;
  /** Stores a report received from a node. Resolves when this report or a later one is on disk. */
  readonly receive: (node: number, report: HeardReport) => Promise<void>;
  /** Forgets the report of a node whose member was replaced. */
  readonly forget: (node: number) => Promise<void>;
};

const parse = (file: string, text: string): NodeFile => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    throw misconfigured(
      `${file} is damaged: wipe this node, and it copies its data from the others`,
    );
  }
};

const fileOf = (folder: string): string => join(folder, 'node.json');

/**
 * Returns the cluster that the data in a node's folder belongs to; `undefined` if it has no
 * record. Throws a user-facing error if the record is damaged.
 */
export const findClusterOf = (folder: string): string | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(fileOf(folder), text).cluster;
};

/**
 * Opens the record of the node in `folder`. A change takes effect immediately, and is on disk when
 * its promise resolves. Throws a user-facing error if the folder belongs to another node, because
 * two members with the same files would be taken for one, or if its data belongs to another
 * cluster, such as the one before a restore.
 */
export const openNodeRecord = (folder: string, node: number, cluster: string): NodeRecord => {
  const file = fileOf(folder);
  const text = readFileIfPresent(file);
  let state: NodeFile =
    text === undefined ? { node, start: 0, member: false, heard: {}, cluster } : parse(file, text);
  if (state.node !== node) {
    const sentence = `the folder ${folder} belongs to node ${state.node}, and this is node ${node}`;
    throw misconfigured(
      `${sentence}: put back its own, or delete it, and the node copies its data from the others`,
    );
  }
  if (state.cluster !== cluster) {
    throw misconfigured(
      `the folder ${folder} holds the data of another cluster than the one of cluster.json: if the other nodes serve, put ` +
        'the folder aside, and this node takes their data; if none does, put back the cluster.json that belongs to the folders',
    );
  }
  let start = state.start + 1;
  replaceFile(file, JSON.stringify(state));
  let written: Promise<void> = Promise.resolve();
  const change = async (changed: Partial<NodeFile>): Promise<void> => {
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
    receive: async (other, report) => {
      const known = state.heard[String(other)] ?? { start: 0, counter: 0 };
      const isLater =
        report.start > known.start ||
        (report.start === known.start && report.counter > known.counter);
      // A report that is not later changes nothing. But if the previous change did not reach the
      // disk, it is written again.
      if (!isLater) return await written.catch(() => change({}));
      await change({ heard: { ...state.heard, [other]: report } });
    },
    forget: (other) => {
      const { [String(other)]: _, ...others } = state.heard;
      return change({ heard: others });
    },
  };
};
