/** Merges several profiles into one call tree with times. */
import { type Frame, fileOf, ownTimesOf, type Profile } from './profiles.ts';
import { sumOf } from './statistics.ts';

/** Times are in microseconds. */
export type Call = {
  readonly frame: Frame;
  /** The time without called functions. */
  readonly ownTime: number;
  /** The time including called functions. */
  readonly time: number;
  readonly callees: readonly Call[];
};

/** The name, file and line identify a function in any process. */
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

/** Merges calls of the same function and sorts them by name, so that trees of one program are easy to compare. */
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

/** The outermost calls with their trees. Idle time is left out. */
export const callTreeOf = (profiles: readonly Profile[]): readonly Call[] =>
  merged(profiles.flatMap(callsIn));
