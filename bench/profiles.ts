/** Reads .cpuprofile files to find where the processor time of a program went. */
import { readFileSync } from 'node:fs';

type Frame = {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
};
export type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** `part`: the share of the time in which the program was not idle. */
export type Cost = { readonly what: string; readonly part: number };
export type Costs = {
  /** The own time of functions, without their callees. */
  readonly byFunction: readonly Cost[];
  /** The time of modules and packages, including their calls into Node. */
  readonly byPlace: readonly Cost[];
};

const idle = new Set(['(idle)', '(root)']);
/** The name that V8 gives to the garbage collector. */
const collector = '(garbage collector)';
const noCaller = 'node itself: sockets, HTTP parsing, timers, microtasks';

/**
 * The file of a frame as a reader knows it: its path in its package or in the repository. Node's own modules keep their
 * names (`node:net`); frames of the engine have no file.
 */
const fileOf = ({ url }: Frame): string => {
  const [, file = url] =
    /^.*\/node_modules\/(.*)$/.exec(url) ?? /^.*\/((?:functions|local|test)\/.*)$/.exec(url) ?? [];
  return file;
};

/** Whether the frame belongs to an installed package. */
const isPackaged = ({ url }: Frame): boolean => url.includes('/node_modules/');

/** The module or package of a frame; `undefined` if it is Node's own. */
const placeOf = (frame: Frame): string | undefined => {
  if (frame.functionName === collector) return collector.slice(1, -1);
  const file = fileOf(frame);
  if (isPackaged(frame)) return /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
  return file === frame.url ? undefined : file;
};
const functionOf = ({ functionName, url, lineNumber }: Frame): string => {
  const where = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'} ${where}${where && `:${lineNumber + 1}`}`;
};

const sorted = (sums: ReadonlyMap<string, number>, whole: number): readonly Cost[] =>
  [...sums].map(([what, time]) => ({ what, part: time / whole })).sort((a, b) => b.part - a.part);

/** The own time of each node of a profile in microseconds, by its id, without idle time. */
const ownTimesOf = ({ nodes, samples, timeDeltas }: Profile): ReadonlyMap<number, number> => {
  const left = new Set(
    nodes.filter(({ callFrame }) => idle.has(callFrame.functionName)).map(({ id }) => id),
  );
  const times = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    // A sample stands for the time until the next one.
    if (!left.has(id)) times.set(id, (times.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return times;
};

export const costsOf = (profiles: readonly Profile[]): Costs => {
  const [functions, modules] = [new Map<string, number>(), new Map<string, number>()];
  let whole = 0;
  const add = (sums: Map<string, number>, what: string, time: number) =>
    sums.set(what, (sums.get(what) ?? 0) + time);
  for (const profile of profiles) {
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
    const callers = new Map(
      profile.nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])),
    );
    const nearest = (id: number | undefined): string => {
      const frame = id === undefined ? undefined : frames.get(id);
      if (id === undefined || frame === undefined) return noCaller;
      return placeOf(frame) ?? nearest(callers.get(id));
    };
    for (const [id, time] of ownTimesOf(profile)) {
      const frame = frames.get(id);
      if (frame === undefined) continue;
      whole += time;
      add(functions, functionOf(frame), time);
      add(modules, nearest(id), time);
    }
  }
  return { byFunction: sorted(functions, whole), byPlace: sorted(modules, whole) };
};

export const readProfile = (file: string): Profile => JSON.parse(readFileSync(file, 'utf8'));
