/** Reads .cpuprofile files: where the processor time of a program went. */
import { readFileSync } from 'node:fs';

type Frame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };
type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** `part`: of the time in which the program did anything. */
export type Cost = { readonly what: string; readonly part: number };
export type Costs = {
  /** What functions took themselves, without what they called. */
  readonly byFunction: readonly Cost[];
  /** What modules and packages took, with what they asked of Node. */
  readonly byPlace: readonly Cost[];
};

const idle = new Set(['(idle)', '(root)']);
const noCaller = 'node itself: sockets, HTTP parsing, timers, microtasks';

/** The module or package of a frame; `undefined` if it is Node's own. */
const placeOf = ({ functionName, url }: Frame): string | undefined => {
  if (functionName === '(garbage collector)') return 'garbage collector';
  const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (name !== undefined) return name;
  const [, file] = /\/((?:functions|local|test)\/.*)$/.exec(url) ?? [];
  return file;
};
const functionOf = ({ functionName, url, lineNumber }: Frame): string => {
  const where = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'} ${where}${where && `:${lineNumber + 1}`}`;
};

const sorted = (sums: ReadonlyMap<string, number>, whole: number): readonly Cost[] =>
  [...sums].map(([what, time]) => ({ what, part: time / whole })).sort((a, b) => b.part - a.part);

export const costsOf = (profiles: readonly Profile[]): Costs => {
  const [functions, modules] = [new Map<string, number>(), new Map<string, number>()];
  let whole = 0;
  const add = (sums: Map<string, number>, what: string, time: number) =>
    sums.set(what, (sums.get(what) ?? 0) + time);
  for (const { nodes, samples, timeDeltas } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
    const nearest = (id: number | undefined): string => {
      const frame = id === undefined ? undefined : frames.get(id);
      if (id === undefined || frame === undefined) return noCaller;
      return placeOf(frame) ?? nearest(callers.get(id));
    };
    for (const [index, id] of samples.entries()) {
      const frame = frames.get(id);
      if (frame === undefined || idle.has(frame.functionName)) continue;
      // A sample stands for the time until the next one.
      const time = timeDeltas[index + 1] ?? 0;
      whole += time;
      add(functions, functionOf(frame), time);
      add(modules, nearest(id), time);
    }
  }
  return { byFunction: sorted(functions, whole), byPlace: sorted(modules, whole) };
};

export const readProfiles = (files: readonly string[]): readonly Profile[] =>
  files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
