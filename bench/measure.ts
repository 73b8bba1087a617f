/**
 * Measures several subjects in short alternating turns, so that other load on the machine affects
 * all equally.
 */
import type { Operation } from './operations.ts';
import { type Cpu, cpuBetween, cpuOf, cpuSum, machineCpu } from './processes.ts';
import { joinSlices, type Slice, sumOf, type Times, timesOf } from './statistics.ts';
import type { Subject } from './subjects.ts';

export type Figure = {
  readonly subject: string;
  readonly operation: Operation;
  readonly clients: number;
  readonly times: Times;
  /** Milliseconds of processor time per operation, by kind of process; empty if unknown. */
  readonly cpu: Cpu;
  /**
   * The share of the machine's processors that other programs used meanwhile, from 0 to 1; NaN if
   * unknown.
   */
  readonly others: number;
};

export type Effort = {
  readonly operation: Operation;
  readonly clients: number;
  /** The time under load for each subject, after a warm-up of a quarter of it. */
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

/** The number of clients that keeps every process busy. */
const warmingClients = 16;

/**
 * Lets each subject perform the operation for `forMs` without measuring. Node compiles hot code
 * during the first thousands of operations, so figures of the first seconds would measure the
 * compiler.
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

/** Measures all subjects that have the operation, and returns their figures. */
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
