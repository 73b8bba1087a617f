/** What called what, and how long it took: the call trees of several profiles as one. */
import { type Frame, fileOf, ownTimesOf, type Profile } from './profiles.ts';
import { sumOf } from './statistics.ts';

/** Times are microseconds. */
export type Call = {
  readonly frame: Frame;
  /** Without what it called. */
  readonly ownTime: number;
  /** With what it called. */
  readonly time: number;
  readonly callees: readonly Call[];
};

/** Name, file and line: what is the same function in any process. */
export const labelOf = (frame: Frame): string => {
  const file = fileOf(frame);
  const name = frame.functionName || '(anonymous)';
  return file === '' ? name : `${name} ${file}:${frame.lineNumber + 1}`;
};

const callsIn = (profile: Profile): readonly Call[] => {
  const ownTimes = ownTimesOf(profile);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const callOf = ({ id, callFrame, children = [] }: Profile['nodes'][number]): Call => {
    const callees = children.flatMap((child) => {
      const node = nodes.get(child);
      return node === undefined ? [] : [callOf(node)];
    });
    const ownTime = ownTimes.get(id) ?? 0;
    return {
      frame: callFrame,
      ownTime,
      time: ownTime + sumOf(callees.map(({ time }) => time)),
      callees,
    };
  };
  const roots = profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(root)');
  return roots.flatMap((root) => callOf(root).callees);
};

/** Calls of the same function as one, by name, so that two trees of the same program are easy to compare. */
const merged = (calls: readonly Call[]): readonly Call[] =>
  [...Map.groupBy(calls, ({ frame }) => labelOf(frame))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, same]) => {
      const [first] = same;
      if (first === undefined) return [];
      return {
        frame: first.frame,
        ownTime: sumOf(same.map(({ ownTime }) => ownTime)),
        time: sumOf(same.map(({ time }) => time)),
        callees: merged(same.flatMap(({ callees }) => callees)),
      };
    });

/** The outermost calls, with all below them; what was idle takes no time. */
export const callTreeOf = (profiles: readonly Profile[]): readonly Call[] =>
  merged(profiles.flatMap(callsIn));
