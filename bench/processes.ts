/** The processor time of the serving processes by kind (Linux only: from /proc). */
import { readdirSync, readFileSync } from 'node:fs';

export type ServingProcess = { readonly pid: number; readonly kind: string };
/** Milliseconds of processor time, by kind of process. */
export type Cpu = Readonly<Record<string, number>>;

/** Patterns of command lines with their kinds; the first match counts. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/\/?etcd\b.* --data-dir/, 'etcd'],
  [/local\/bin\/cluster\.ts/, 'cluster'],
  [/host\/bin\/(?:node|start)\.ts/, 'node'],
];
const tickMs = 10;

const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
};

/**
 * Returns the fields of /proc/PID/stat after the program's name, which may contain blanks and
 * parentheses.
 */
const statOf = (pid: number): readonly string[] | undefined => {
  const stat = readFile(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
};

const allPids = (): readonly number[] => {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
};

const kindOf = (pid: number): string => {
  const line = (readFile(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ');
  return kinds.find(([pattern]) => pattern.test(line))?.[1] ?? 'other';
};

/** Returns a process and all its descendants, except the process that calls this. */
export const processesUnder = (root: number): readonly ServingProcess[] => {
  const parents = new Map(allPids().map((pid) => [pid, Number(statOf(pid)?.[1])]));
  const isUnder = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || isUnder(parent));
  };
  const pids = [...parents.keys()].filter(isUnder);
  const all = root === process.pid ? pids : [root, ...pids];
  return all.map((pid) => ({ pid, kind: kindOf(pid) }));
};

/** Returns all processes of one program, by its name in the process list. */
export const processesNamed = (name: string): readonly ServingProcess[] =>
  allPids()
    .filter((pid) => readFile(`/proc/${pid}/comm`)?.trim() === name)
    .map((pid) => ({ pid, kind: name }));

/**
 * Returns the processor time of these processes since they began, user and system together, summed
 * for each kind of process.
 */
export const cpuOf = (served: readonly ServingProcess[]): Cpu => {
  const cpu: Record<string, number> = {};
  for (const { pid, kind } of served) {
    const fields = statOf(pid);
    if (fields === undefined) continue;
    const ticks = Number(fields[11]) + Number(fields[12]);
    cpu[kind] = (cpu[kind] ?? 0) + ticks * tickMs;
  }
  return cpu;
};

/** Returns the processor time that passed between two measurements, by kind. */
export const cpuBetween = (before: Cpu, after: Cpu): Cpu =>
  Object.fromEntries(Object.entries(after).map(([kind, ms]) => [kind, ms - (before[kind] ?? 0)]));

export const cpuSum = (all: readonly Cpu[]): Cpu => {
  const sum: Record<string, number> = {};
  for (const [kind, ms] of all.flatMap((cpu) => Object.entries(cpu))) {
    sum[kind] = (sum[kind] ?? 0) + ms;
  }
  return sum;
};

/**
 * Returns the processor time of all processes of the machine since it began, in milliseconds; NaN
 * if unknown.
 */
export const machineCpu = (): number => {
  const [, ...fields] = (readFile('/proc/stat')?.split('\n')[0] ?? '').split(/\s+/).map(Number);
  const [user = Number.NaN, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = fields;
  return (user + nice + system + interrupts + softInterrupts) * tickMs;
};

/** Returns the sum of the times of all kinds; NaN if there are none. */
export const cpuTotal = (cpu: Cpu): number => {
  const all = Object.values(cpu);
  return all.length === 0 ? Number.NaN : all.reduce((sum, ms) => sum + ms, 0);
};
