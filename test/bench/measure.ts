/** Measures several subjects beside each other: in short turns, so that what else the machine does hits all alike. */

import type { Operation } from './operations.ts';
import { type Cpu, cpuBetween, cpuOf, cpuSum, machineCpu } from './processes.ts';
import { joinSlices, type Slice, sumOf, type Times, timesOf } from './statistics.ts';
import type { Subject } from './subjects.ts';

export type Figure = {
  readonly subject: string;
  readonly operation: Operation;
  readonly clients: number;
  readonly times: Times;
  /** Milliseconds of processor time an operation, by kind of process; empty where it is not known. */
  readonly cpu: Cpu;
  /** How much of the machine's processors something else used meanwhile, 0 to 1; NaN where it is not known. */
  readonly others: number;
};

export type Effort = {
  readonly operation: Operation;
  readonly clients: number;
  /** Of load for each subject, beside a quarter of it before, which warms up and is not counted. */
  readonly forMs: number;
};

type Turn = {
  readonly slice: Slice;
  readonly cpu: Cpu;
  readonly busyMs: number;
  readonly ownMs: number;
};

const turnsEach = 4;

const takeTurn = async (subject: Subject, clients: number, forMs: number): Promise<Turn> => {
  const [before, busy, own] = [cpuOf(subject.processes), machineCpu(), process.cpuUsage()];
  const slice = await subject.run(clients, forMs);
  const cpu = cpuBetween(before, cpuOf(subject.processes));
  const { user, system } = process.cpuUsage(own);
  if (slice.failure !== undefined) {
    process.stderr.write(`${slice.failed} failed, the first: ${slice.failure}\n`);
  }
  return { slice, cpu, busyMs: machineCpu() - busy, ownMs: (user + system) / 1000 };
};

const figureOf = (
  subject: Subject,
  { operation, clients }: Effort,
  turns: readonly Turn[],
  processors: number,
): Figure => {
  const slice = joinSlices(turns.map((turn) => turn.slice));
  const cpu = cpuSum(turns.map((turn) => turn.cpu));
  const times = timesOf(slice);
  const oursMs = sumOf(Object.values(cpu)) + sumOf(turns.map(({ ownMs }) => ownMs));
  const busyMs = sumOf(turns.map((turn) => turn.busyMs));
  return {
    subject: subject.name,
    operation,
    clients,
    times,
    cpu: Object.fromEntries(Object.entries(cpu).map(([kind, ms]) => [kind, ms / times.count])),
    others: Math.max(0, busyMs - oursMs) / (slice.elapsedMs * processors),
  };
};

/** As many as keep every process busy. */
const warmingClients = 16;

/**
 * Has each subject do the operation for `forMs`, which is not counted. Node translates code that is run often, for some
 * thousand operations on, and what has more code takes longer for it: a figure of the first seconds would be of that.
 */
export const warmUp = async (
  subjects: readonly Subject[],
  operation: Operation,
  forMs: number,
): Promise<void> => {
  for (const subject of subjects) {
    if (await subject.prepare(operation, warmingClients)) await subject.run(warmingClients, forMs);
  }
};

/** Figures of all subjects that have the operation. */
export const measure = async (
  subjects: readonly Subject[],
  effort: Effort,
  processors: number,
): Promise<readonly Figure[]> => {
  const { operation, clients, forMs } = effort;
  const turns = new Map<Subject, Turn[]>();
  for (const subject of subjects) {
    if (await subject.prepare(operation, clients)) turns.set(subject, []);
  }
  for (const subject of turns.keys()) await subject.run(clients, forMs / turnsEach);
  for (let turn = 0; turn < turnsEach; turn += 1) {
    for (const [subject, taken] of turns) {
      taken.push(await takeTurn(subject, clients, forMs / turnsEach));
    }
  }
  return [...turns].map(([subject, taken]) => figureOf(subject, effort, taken, processors));
};
